import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, link, mkdir, open, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { syncFolder } from './durable-file.ts';
import { Identity, InvalidKey, SECRET_KEY_BYTES } from './keys.ts';

/** A file that should hold an identity and does not, or that others could read. */
export class KeyFileError extends Error {
  override readonly name = 'KeyFileError';
}

/** One line: 128 hex digits. */
const MAX_BYTES = 2 * SECRET_KEY_BYTES + 2;

/**
 * Reads an identity from its file: one line of 128 hex digits, tweetnacl's secret key.
 *
 * @returns undefined when there is no such file
 * @throws {KeyFileError} when it holds something else, is no file, or others than its owner may read it
 */
export async function readIdentity(file: string): Promise<Identity | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new KeyFileError(`${file}: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
  await using held = handle;
  const stats = await held.stat();
  if (!stats.isFile()) throw new KeyFileError(`${file}: not a file`);
  if ((stats.mode & 0o077) !== 0 && !isCredential(file))
    throw new KeyFileError(
      `${file}: others may read this secret key; make it yours alone: chmod 600 ${file}`,
    );
  if (stats.size > MAX_BYTES) throw new KeyFileError(`${file}: too long for a secret key (128 hex digits)`);
  return parseIdentity(await held.readFile('utf8'), file);
}

/**
 * Whether systemd has handed the file over: it lets only this unit's user into the folder. Its mode shows bits of a group,
 * for they are the mask of the access control list by which the user may read it.
 */
function isCredential(file: string): boolean {
  const folder = process.env.CREDENTIALS_DIRECTORY;
  return folder !== undefined && dirname(resolve(file)) === folder;
}

/**
 * The identity in this file; makes a new one where there is none. Of several that make one at the same time, one wins
 * and all get that.
 *
 * @throws {KeyFileError}
 */
export async function identityIn(file: string): Promise<Identity> {
  const found = await readIdentity(file);
  if (found !== undefined) return found;
  await writeIdentity(file, Identity.generate());
  const written = await readIdentity(file);
  if (written === undefined) throw new KeyFileError(`${file}: has gone again`);
  return written;
}

/**
 * Writes an identity where there is none, whole and on the disk before it has its name. Its name is on the disk too when
 * this resolves: a board whose power is cut must not come back as another one than others have seen.
 *
 * @returns whether it was written; false when the file was there already, which then stays as it is
 */
export async function writeIdentity(file: string, identity: Identity): Promise<boolean> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const temporary = `${file}.${process.pid}.${randomUUID()}`;
  try {
    await using handle = await open(temporary, 'wx', 0o600);
    await handle.writeFile(`${identity.secretKey.toString('hex')}\n`);
    await handle.sync();
    // Unlike a rename, a link never replaces what is there.
    await link(temporary, file);
    await syncFolder(dirname(file));
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

/**
 * The text of such a file.
 *
 * @param file its name, for people
 * @throws {KeyFileError}
 */
export function parseIdentity(text: string, file: string): Identity {
  const digits = text.trimEnd();
  if (!/^[0-9a-f]{128}$/.test(digits))
    throw new KeyFileError(`${file}: holds no secret key (128 hex digits); it was left as it is`);
  try {
    return Identity.fromSecretKey(Buffer.from(digits, 'hex'));
  } catch (cause) {
    if (!(cause instanceof InvalidKey)) throw cause;
    throw new KeyFileError(`${file}: ${cause.message}`, { cause });
  }
}
