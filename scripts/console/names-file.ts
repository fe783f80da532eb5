import { homedir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { textIfThere } from '../../image/rack/text.ts';
import { type Format, parseText, type Remark } from '../../services/yaml/index.ts';
import { property } from '../../services/yaml/raw.ts';
import { isSocketName } from './ports/socket.ts';

/** What the owner calls a port. */
export interface NamedPort {
  /** A socket's name, or the path of a device. */
  port: string;
  /** Bits a second, where they are others than usual. */
  baud?: number;
}

/** By the names, in the order of the file. */
export type Names = ReadonlyMap<string, NamedPort>;

const MAX_BYTES = 64 * 1024;
/** Names at most. */
const MAX_NAMES = 256;

const port = z.string('must be a socket such as 1-2.3, or the path of a device').check(
  z.maxLength(200, 'must have at most 200 characters'),
  z.refine(
    (text) => isSocketName(text) || isPath(text),
    'must be a socket such as 1-2.3 or usb-0000:00:14.0-2.3, or the path of a device',
  ),
);

const RATE = 'must be a number of bits a second from 50 to 12000000';
const baud = z.string(RATE).check(z.refine(isRate, RATE));

const schema = z.strictObject({
  consoles: z.record(
    z
      .string()
      .check(
        z.regex(
          /^(?!usb-|\d+-\d)[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/,
          'must be letters, digits, dots, dashes and underscores, at most 63, and not look like a socket',
        ),
      ),
    z.union(
      [port, z.strictObject({ port, baud: z.optional(baud) })],
      'must be a socket such as 1-2.3, the path of a device, or a map of port and baud',
    ),
    'must be a map of names',
  ),
});

const format: Format<typeof schema> = { schema, maxBytes: MAX_BYTES, isText: () => true, check };

/** Where the names are unless the owner says otherwise. Sockets are this machine's, so they are not kept with a rack. */
export function usualNamesFile(environment: NodeJS.ProcessEnv): string {
  return join(environment.XDG_CONFIG_HOME || join(homedir(), '.config'), 'skyminer', 'consoles.yaml');
}

/**
 * Reads a file of names.
 *
 * @returns undefined when it is not there
 * @throws {InvalidFile} with everything that is wrong
 */
export async function readNames(file: string): Promise<Names | undefined> {
  const text = await textIfThere(file);
  return text === undefined ? undefined : parseNames(text, file);
}

/** @throws {InvalidFile} with everything that is wrong */
export function parseNames(text: string, file: string): Names {
  const { consoles } = parseText(text, file, format);
  return new Map(
    Object.entries(consoles).map(([name, entry]) => {
      const { port: place, baud: rate } = typeof entry === 'string' ? { port: entry } : entry;
      return [name, { port: place, ...(rate === undefined ? {} : { baud: Number(rate) }) }];
    }),
  );
}

/** Bits a second that some adapter can do. */
export function isRate(text: string): boolean {
  return /^\d{2,8}$/.test(text) && Number(text) >= 50 && Number(text) <= 12_000_000;
}

function* check(raw: unknown): Generator<Remark> {
  const consoles = property(raw, 'consoles');
  if (typeof consoles !== 'object' || consoles === null) return;
  const entries = Object.entries(consoles);
  if (entries.length > MAX_NAMES)
    yield { path: ['consoles'], message: `there are more than ${MAX_NAMES} names` };
  const users = new Map<string, string>();
  for (const [name, entry] of entries.slice(0, MAX_NAMES)) {
    const place = typeof entry === 'string' ? entry : property(entry, 'port');
    if (typeof place !== 'string') continue;
    const other = users.get(place);
    if (other !== undefined)
      yield { path: ['consoles', name], message: `${place} is called ${other} already` };
    else users.set(place, name);
  }
}

function isPath(text: string): boolean {
  return /^\/[^\p{Cc}]+$/u.test(text);
}
