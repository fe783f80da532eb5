import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { Credentials } from '../protocol.ts';

/** A file of users cannot be used. */
export class UsersFileError extends Error {
  override readonly name = 'UsersFileError';
}

const maxFileBytes = 1024 * 1024;
/** RFC 1929 has one byte for the length of each. */
const maxBytes = 255;

/** Who may use a client, by name and password. Passwords are kept as keyed hashes alone, the key being this process's. */
export class Users {
  readonly #key = randomBytes(32);
  readonly #hashes = new Map<string, Buffer>();

  /**
   * Reads lines of `NAME:PASSWORD`; empty ones and those that begin with `#` are skipped.
   * @throws {UsersFileError} when others than its owner may read the file, or it cannot be understood
   */
  static async read(file: string): Promise<Users> {
    const text = await readPrivate(file);
    try {
      return new Users(text);
    } catch (cause) {
      throw new UsersFileError(`${file}: ${cause instanceof Error ? cause.message : cause}`, { cause });
    }
  }

  /** @param text what such a file has in it. @throws {UsersFileError} that names the line */
  constructor(text: string) {
    for (const [at, line] of text.split(/\r?\n/).entries()) {
      if (line !== '' && !line.startsWith('#')) this.#add(line, at + 1);
    }
    if (this.#hashes.size === 0) throw new UsersFileError('there are no users; give lines of NAME:PASSWORD');
  }

  get size(): number {
    return this.#hashes.size;
  }

  /** Takes the same time whether the name or the password is wrong. */
  accept({ name, password }: Credentials): boolean {
    const hash = this.#hash(password);
    const expected = this.#hashes.get(name.toString('latin1'));
    return timingSafeEqual(hash, expected ?? this.#key) && expected !== undefined;
  }

  #add(line: string, number: number): void {
    const bytes = Buffer.from(line);
    const colon = bytes.indexOf(':');
    const [name, password] = [bytes.subarray(0, colon), bytes.subarray(colon + 1)];
    const fits = [name, password].every(({ length }) => length >= 1 && length <= maxBytes);
    if (colon === -1 || !fits) {
      throw new UsersFileError(`line ${number} is not NAME:PASSWORD, each of 1 to ${maxBytes} bytes`);
    }
    const key = name.toString('latin1');
    if (this.#hashes.has(key)) throw new UsersFileError(`line ${number} names a user a second time`);
    this.#hashes.set(key, this.#hash(password));
  }

  #hash(password: Buffer): Buffer {
    return createHmac('sha256', this.#key).update(password).digest();
  }
}

/** Asks about the very file that is read then. */
async function readPrivate(file: string): Promise<string> {
  try {
    await using handle = await open(file, 'r');
    const { mode, uid, size } = await handle.stat();
    if ((mode & 0o077) !== 0) throw new UsersFileError(`others may read ${file}; do: chmod 600 ${file}`);
    if (uid !== 0 && uid !== process.getuid?.()) throw new UsersFileError(`${file} belongs to another user`);
    if (size > maxFileBytes) throw new UsersFileError(`${file} is larger than ${maxFileBytes} bytes`);
    return await handle.readFile('utf8');
  } catch (cause) {
    if (cause instanceof UsersFileError) throw cause;
    throw new UsersFileError(`cannot read ${file}: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    });
  }
}
