import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { attribute } from '../attribute.ts';
import { FlashError } from '../error.ts';
import { difference, type Identity, identityOf } from './identity.ts';

/** For this process alone, past the kernel's cache: what is read comes from the card, and what is written is on its way there. */
const FLAGS = constants.O_RDWR | constants.O_EXCL | constants.O_DIRECT;

/** Where the kernel counts what was ever attached, and the count when this card was. */
interface Count {
  file: string;
  mine: string;
}

/**
 * A drive that this process holds: nobody mounts it before it is let go. What is held is the reader, not the card in it:
 * with another card in its place, the kernel counts on (diskseq), and nothing is read or written any more.
 */
export class Card implements AsyncDisposable {
  readonly path: string;
  readonly size: number;
  /** Bytes of a sector: what is read and written are whole ones. */
  readonly sector: number;
  readonly #file: FileHandle;
  /** Undefined before Linux 5.15. */
  readonly #count: Count | undefined;

  /**
   * Opens the drive that was looked at before.
   *
   * @param sys where /sys is
   * @throws {FlashError} when it is in use, or another one has its name now
   */
  static async open(seen: Identity, sys = '/sys'): Promise<Card> {
    const file = await open(seen.path, FLAGS).catch((cause: unknown) => {
      throw new FlashError(`${seen.path}: ${whyNot(cause)}`, { cause });
    });
    try {
      const { rdev, mode } = await file.stat();
      if ((mode & constants.S_IFMT) !== constants.S_IFBLK) throw new FlashError(`${seen.path} is no drive`);
      const block = join(sys, 'dev/block', deviceNumber(rdev));
      const now = await identityOf(block, seen.path);
      const part = difference(seen, now);
      if (part !== undefined)
        throw new FlashError(
          `${seen.path} is another drive than the one that was shown (${part}: ${seen[part]} before, ${now[part]} now): nothing was written`,
        );
      const sector = Number((await attribute(join(block, 'queue/logical_block_size'))) ?? 512);
      const count =
        now.sequence === undefined ? undefined : { file: join(block, 'diskseq'), mine: now.sequence };
      return new Card(file, seen, sector, count);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  private constructor(file: FileHandle, { path, size }: Identity, sector: number, count: Count | undefined) {
    this.#file = file;
    this.#count = count;
    this.path = path;
    this.size = size;
    this.sector = sector;
  }

  /**
   * @param buffer of a {@link BufferPool}; what is behind `length` in it, up to a whole sector, is written too
   * @throws {FlashError} when the card does not take it, or is not in the reader any more
   */
  async write(buffer: Buffer, length: number, offset: number): Promise<void> {
    await this.#transfer('written', offset, this.#whole(length), (at, left) =>
      this.#file.write(buffer, at, left, offset + at).then(({ bytesWritten }) => bytesWritten),
    );
  }

  /**
   * @param buffer of a {@link BufferPool}, with room for whole sectors
   * @throws {FlashError} when the card does not give it, or is not in the reader any more
   */
  async read(buffer: Buffer, length: number, offset: number): Promise<Buffer> {
    await this.#transfer('read', offset, this.#whole(length), (at, left) =>
      this.#file.read(buffer, at, left, offset + at).then(({ bytesRead }) => bytesRead),
    );
    return buffer.subarray(0, length);
  }

  /** Waits until the card says that it has everything. */
  async sync(): Promise<void> {
    await this.#file.sync().catch((cause: unknown) => {
      throw new FlashError(`${this.path} did not keep what was written: ${messageOf(cause)}`, { cause });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }

  #whole(length: number): number {
    return Math.ceil(length / this.sector) * this.sector;
  }

  async #transfer(
    what: string,
    offset: number,
    length: number,
    some: (at: number, left: number) => Promise<number>,
  ): Promise<void> {
    await this.#expectSame();
    let at = 0;
    while (at < length) {
      const moved = await some(at, length - at).catch((cause: unknown) => {
        throw new FlashError(`${this.path} cannot be ${what} at byte ${offset + at}: ${messageOf(cause)}`, {
          cause,
        });
      });
      if (moved === 0) throw new FlashError(`${this.path} ends at byte ${offset + at}`);
      at += moved;
    }
  }

  /** The reader of another card answers to the same descriptor. */
  async #expectSame(): Promise<void> {
    if (this.#count === undefined || (await attribute(this.#count.file)) === this.#count.mine) return;
    throw new FlashError(`${this.path}: its card was taken out: nothing is written to what is there now`);
  }
}

/** Linux packs major and minor numbers as makedev(3) of glibc does. */
export function deviceNumber(rdev: number): string {
  const number = BigInt(rdev);
  const major = ((number >> 8n) & 0xfffn) | ((number >> 32n) & ~0xfffn);
  const minor = (number & 0xffn) | ((number >> 12n) & 0xffffff00n);
  return `${major}:${minor}`;
}

function whyNot(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code === 'EBUSY') return 'something of this machine uses it (a mounted partition, say)';
  if (code === 'EACCES' || code === 'EPERM')
    return 'only root may write to drives: type the same with sudo before it';
  if (code === 'EROFS') return 'it is write-protected: look at the little switch of the card';
  if (code === 'ENOMEDIUM' || code === 'ENXIO') return 'there is no card in it';
  if (code === 'ENOENT') return 'it is not there (any more)';
  return messageOf(cause);
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
