import { ImageError } from '../error.ts';

/** Variables of U-Boot's environment; null takes one away. */
export type EnvironmentChanges = Readonly<Record<string, string | null>>;

/**
 * Changes the environment that is compiled into a U-Boot: NAME=VALUE strings, each ended by a zero byte, and one more zero
 * byte after the last. It may not become longer.
 *
 * @throws ImageError when there is not exactly one such environment in it, or no room
 */
export function changeEnvironment(uBoot: Uint8Array, changes: EnvironmentChanges): Buffer {
  const bytes = Buffer.from(uBoot);
  const { start, end } = findEnvironment(bytes);
  const variables = readVariables(bytes.subarray(start, end));
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) variables.delete(name);
    else variables.set(name, value);
  }
  const text = [...variables].map(([name, value]) => `${name}=${value}\0`).join('');
  if (Buffer.byteLength(text, 'latin1') > end - start)
    throw new ImageError(`U-Boot's environment has no room: take away ${text.length - (end - start)} bytes.`);
  bytes.fill(0, start, end);
  bytes.write(text, start, 'latin1');
  return bytes;
}

/** The variables of the environment that is compiled into a U-Boot. @throws ImageError as above */
export function readEnvironment(uBoot: Uint8Array): Map<string, string> {
  const bytes = Buffer.from(uBoot.buffer, uBoot.byteOffset, uBoot.byteLength);
  const { start, end } = findEnvironment(bytes);
  return readVariables(bytes.subarray(start, end));
}

/**
 * Refuses a U-Boot that can be stopped, or that stops, at a prompt where who has the serial line could do anything; and one
 * that keys on that line keep from booting.
 *
 * @throws ImageError
 */
export function requireClosedPrompt(uBoot: Uint8Array): void {
  const variables = readEnvironment(uBoot);
  // -2: U-Boot waits for nobody, and looks at no key.
  if (variables.get('bootdelay') !== '-2')
    throw new ImageError('Any key stops this U-Boot at its prompt: it needs bootdelay=-2.');
  const bootcmd = variables.get('bootcmd') ?? '';
  if (!/; *reset *$/.test(bootcmd))
    throw new ImageError(
      'This U-Boot stops at its prompt when nothing boots: its bootcmd has to end in `; reset`.',
    );
  const interruptible = /\b(?:for|while|until|run)\b/.exec(bootcmd);
  if (interruptible !== null)
    throw new ImageError(
      `Ctrl-C ends a loop of U-Boot's, and so keeps this one from booting: its bootcmd has to do without \`${interruptible[0]}\`, with what \`run\` would run in its place.`,
    );
}

const FIRST = 'bootcmd=';
const NAMED = /^[A-Za-z_][A-Za-z0-9_]*=/;

/** From the first byte of the first variable to the one after the zero byte of the last. */
function findEnvironment(bytes: Buffer): { start: number; end: number } {
  const found: number[] = [];
  for (let at = bytes.indexOf('\0bootdelay='); at !== -1; at = bytes.indexOf('\0bootdelay=', at + 1))
    found.push(at);
  const [inside] = found;
  if (inside === undefined || found.length > 1)
    throw new ImageError(`This file holds ${found.length} environments of U-Boot, not one.`);
  let start = inside + 1;
  for (let before = startOfString(bytes, start); before !== undefined; before = startOfString(bytes, start))
    start = before;
  const last = bytes.indexOf('\0\0', inside + 1);
  if (last === -1 || bytes.toString('latin1', start, start + FIRST.length) !== FIRST)
    throw new ImageError(`The environment in this U-Boot does not begin with ${FIRST}.`);
  return { start, end: last + 1 };
}

/** Where the string before the one at `start` begins; undefined when it is no variable. */
function startOfString(bytes: Buffer, start: number): number | undefined {
  if (bytes.toString('latin1', start, start + FIRST.length) === FIRST) return undefined;
  const before = bytes.lastIndexOf(0, start - 2) + 1;
  return before < start - 1 && NAMED.test(bytes.toString('latin1', before, start - 1)) ? before : undefined;
}

function readVariables(bytes: Buffer): Map<string, string> {
  const strings = bytes
    .toString('latin1')
    .split('\0')
    .filter((text) => text !== '');
  return new Map(
    strings.map((text): [string, string] => {
      const equals = text.indexOf('=');
      return [text.slice(0, equals), text.slice(equals + 1)];
    }),
  );
}
