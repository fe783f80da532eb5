import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** What a disk writes whole or not at all, in bytes. */
export const SECTOR_BYTES = 512;

export interface DiskWrite {
  /** Bytes from the beginning of the disk; a multiple of a sector, as the length of the data is. */
  offset: number;
  data: Buffer;
}

/** What a writer has said: from here on the disk must hold this version, whenever its power is cut. */
export interface Mark {
  writer: string;
  version: number;
}

/** What happened to a disk, in the order in which it happened. */
export type DiskEvent =
  | ({ kind: 'write' } & DiskWrite)
  /** All writes before event `covers` are on the disk for good: they were answered when the flush was asked for. */
  | { kind: 'flush'; covers: number }
  | ({ kind: 'mark' } & Mark);

/** A write or a read that is not of whole sectors inside the disk. */
export class OutsideDisk extends Error {
  override readonly name = 'OutsideDisk';
}

/**
 * A disk in memory over an image that stays as it is, and the record of everything that was done to it.
 *
 * INVARIANT: reads show every write, flushed or not, as a disk with a cache does.
 */
export class DiskRecord {
  /** The image that the disk began with. */
  readonly base: string;
  /** Bytes. */
  readonly size: number;
  readonly #events: DiskEvent[] = [];
  readonly #sectors = new Map<number, Buffer>();
  readonly #file: number;

  constructor(base: string) {
    this.base = base;
    this.#file = openSync(base, 'r');
    this.size = fstatSync(this.#file).size;
  }

  get events(): readonly DiskEvent[] {
    return this.#events;
  }

  /** @throws {OutsideDisk} */
  read(offset: number, length: number): Buffer {
    this.#check(offset, length);
    const data = Buffer.alloc(length);
    // In one thread with the server: what is read and what is written cannot pass each other.
    readSync(this.#file, data, 0, length, offset);
    for (let at = 0; at < length; at += SECTOR_BYTES)
      this.#sectors.get((offset + at) / SECTOR_BYTES)?.copy(data, at);
    return data;
  }

  /** @throws {OutsideDisk} */
  write(offset: number, data: Buffer): void {
    this.#check(offset, data.length);
    for (let at = 0; at < data.length; at += SECTOR_BYTES)
      this.#sectors.set((offset + at) / SECTOR_BYTES, data.subarray(at, at + SECTOR_BYTES));
    this.#events.push({ kind: 'write', offset, data });
  }

  /** @param covers how many events had been answered when the flush was asked for */
  flush(covers: number): void {
    this.#events.push({ kind: 'flush', covers });
  }

  mark(mark: Mark): void {
    this.#events.push({ kind: 'mark', ...mark });
  }

  [Symbol.dispose](): void {
    closeSync(this.#file);
  }

  #check(offset: number, length: number): void {
    if (offset % SECTOR_BYTES !== 0 || length % SECTOR_BYTES !== 0)
      throw new OutsideDisk(`${length} bytes at ${offset} are not whole sectors of ${SECTOR_BYTES} bytes`);
    if (offset < 0 || offset + length > this.size)
      throw new OutsideDisk(`${length} bytes at ${offset} are not inside a disk of ${this.size} bytes`);
  }
}
