import { open } from 'node:fs/promises';
import { RackError } from '../../image/rack/error.ts';
import { type Key, KeyDecoder } from '../../services/viscript/terminal/keys.ts';
import type { PassphraseOptions } from './rack-commands.ts';

/** Bytes of a passphrase, its line end included. */
const MAX_BYTES = 1024;

/** The passphrase of a key that is there. @throws {RackError} when it cannot be had */
export async function askForPassphrase(
  options: PassphraseOptions,
  question = "Passphrase of the rack's key: ",
): Promise<string> {
  return (await given(options)) ?? ask(question);
}

/** A passphrase for a new key; a person is asked twice, for what is typed is not shown. @throws {RackError} */
export async function askForNewPassphrase(
  options: PassphraseOptions,
  what = "the rack's key",
): Promise<string> {
  const passphrase = await given(options);
  if (passphrase !== undefined) return passphrase;
  const first = await ask(`New passphrase for ${what}: `);
  if ((await ask('Once more: ')) !== first) throw new RackError('the two are not the same; nothing was made');
  return first;
}

async function given({ passphraseFile, passphraseFd }: PassphraseOptions): Promise<string | undefined> {
  if (passphraseFd !== undefined)
    return firstLine(`/dev/fd/${passphraseFd}`, `file descriptor ${passphraseFd}`);
  return passphraseFile === undefined ? undefined : firstLine(passphraseFile, passphraseFile);
}

async function firstLine(path: string, name: string): Promise<string> {
  await using handle = await open(path).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RackError(`no passphrase from ${name}: ${reason}`, { cause });
  });
  const stats = await handle.stat();
  if (stats.isFile() && (stats.mode & 0o077) !== 0)
    throw new RackError(`${name}: others may read this passphrase; make it yours alone: chmod 600 ${name}`);
  const bytes = await readAtMost(handle, MAX_BYTES + 1);
  const line = bytes.toString('utf8').split(/\r?\n/, 1)[0] ?? '';
  if (bytes.length > MAX_BYTES || line === '')
    throw new RackError(`${name}: its first line is no passphrase (1 to ${MAX_BYTES} bytes)`);
  return line;
}

/** A pipe gives its bytes in any portions. */
async function readAtMost(handle: Awaited<ReturnType<typeof open>>, limit: number): Promise<Buffer> {
  const buffer = Buffer.alloc(limit);
  let length = 0;
  for (let read = 1; read > 0 && length < limit; length += read) {
    ({ bytesRead: read } = await handle.read(buffer, length, limit - length, null));
  }
  return buffer.subarray(0, length);
}

/** Asks on the terminal, showing nothing of what is typed. */
async function ask(question: string): Promise<string> {
  const { stdin, stderr } = process;
  if (!stdin.isTTY)
    throw new RackError('there is no terminal to ask for the passphrase on: use --passphrase-file FILE');
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const decoder = new KeyDecoder();
  let typed = '';
  const take = (key: Key) => {
    if (key.kind === 'text') typed += key.text;
    else if (key.name === 'backspace') typed = typed.replace(/.$/su, '');
    else if (key.name === 'ctrl-u') typed = '';
    else if (key.name === 'enter') resolve(typed);
    else if (key.name === 'ctrl-c' || key.name === 'ctrl-d') reject(new RackError('nothing was done'));
  };
  const onData = (chunk: Buffer) => {
    const end = chunk.findIndex((byte) => byte === 0x0d || byte === 0x0a) + 1 || chunk.length;
    decoder.push(chunk.subarray(0, end)).forEach(take);
    if (end === chunk.length) return;
    // The answer to the next question, typed or pasted ahead.
    stdin.off('data', onData).pause().unshift(chunk.subarray(end));
  };
  const onEnd = () => reject(new RackError('the terminal is gone; nothing was done'));
  try {
    stdin.setRawMode(true);
    stderr.write(question);
    stdin.on('data', onData).once('end', onEnd).resume();
    return await promise;
  } finally {
    stdin.off('data', onData).off('end', onEnd).pause();
    stdin.setRawMode(false);
    stderr.write('\n');
  }
}
