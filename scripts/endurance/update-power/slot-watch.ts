import { closeSync, openSync, readSync } from 'node:fs';
import { findPartition, type Partition } from '../../../image/disk/partitions.ts';
import { COPY_OFFSETS, COPY_SIZE, readCopies, type Slot, type SlotState } from '../../../image/disk/state.ts';
import type { Keep } from '../power/cut.ts';
import { type DiskWrite, SECTOR_BYTES } from '../power/disk-record.ts';
import { Lost } from '../power/writer.ts';

/** What a power cut has left of the slots. */
export interface Found {
  state: SlotState;
  /** The slot that the boot script starts. */
  starts: Slot;
  /** Which version the slot holds that the update writes. */
  holds: 'old' | 'new' | 'torn';
}

interface Parts {
  state: Partition;
  /** Boot and root of the slot that the update writes, and of the one that runs. */
  written: Partition[];
  running: Partition[];
}

/** Bytes that are compared at once. */
const PIECE = 1024 * 1024;
/** What is known of a sector of the written slot, added up: it is not as it was, and not as it shall be. */
const NOT_OLD = 1;
const NOT_NEW = 2;
const everything: Keep = () => true;

/** Follows what an update of slot B does to a disk: the slot state, and how far the slot is from each of its two versions. */
export class SlotWatch implements Disposable {
  readonly #old: number;
  readonly #new: number;
  readonly #parts: Parts;
  /** Of the partitions of the written slot, one after the other. */
  #sectors: Uint8Array;
  /** The two copies of the slot state. */
  #copies: Buffer[];
  /** What each write puts into the written slot, sector by sector. */
  readonly #compared = new WeakMap<Buffer, Uint8Array>();

  /**
   * @param before image of the disk before the update
   * @param after image of the disk whose slot B is as the update shall leave it
   */
  static async open(before: string, after: string): Promise<SlotWatch> {
    const find = (...names: string[]) => Promise.all(names.map((name) => findPartition(before, name)));
    const [written, running] = [await find('bootB', 'rootB'), await find('bootA', 'rootA')];
    const state = await findPartition(before, 'state');
    return new SlotWatch(openSync(before, 'r'), openSync(after, 'r'), { state, written, running });
  }

  private constructor(before: number, after: number, parts: Parts) {
    this.#old = before;
    this.#new = after;
    this.#parts = parts;
    this.#copies = COPY_OFFSETS.map((at) => readAt(before, parts.state.offset + at, COPY_SIZE));
    this.#sectors = new Uint8Array(parts.written.reduce((sum, { size }) => sum + size, 0) / SECTOR_BYTES);
    for (const { offset, size } of parts.written)
      for (let at = 0; at < size; at += PIECE)
        this.#take({ offset: offset + at, data: readAt(before, offset + at, Math.min(PIECE, size - at)) });
  }

  /** Sectors in which the disk is not yet as it shall be. */
  get toChange(): number {
    return countOf(this.#sectors, NOT_NEW);
  }

  /** Whether a write is into the slot that the update writes. */
  isInto(write: DiskWrite): boolean {
    return this.#parts.written.some((part) => overlaps(write, part));
  }

  /** Takes in writes that are on the disk for good. @throws {Lost} one is into the slot that runs */
  write(writes: readonly DiskWrite[]): void {
    for (const write of writes) this.#take(write);
  }

  /**
   * Judges what a power cut leaves.
   *
   * @param writes that were not flushed, and what of them is on the disk
   * @throws {Lost} a slot can be started that holds no whole version, or none can
   */
  judge(writes: readonly DiskWrite[], keep: Keep): Found {
    const before = { sectors: this.#sectors, copies: this.#copies };
    this.#sectors = this.#sectors.slice();
    this.#copies = [...this.#copies];
    try {
      writes.forEach((write, index) => {
        this.#take(write, (_write, sector) => keep(index, sector));
      });
      return this.#found();
    } finally {
      this.#sectors = before.sectors;
      this.#copies = before.copies;
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#old);
    closeSync(this.#new);
  }

  #found(): Found {
    const [first = Buffer.alloc(0), second = Buffer.alloc(0)] = this.#copies;
    const { state } = readCopies([first, second]);
    if (state === undefined) throw new Lost('both copies of the slot state are broken');
    const [notOld, notNew] = [countOf(this.#sectors, NOT_OLD), countOf(this.#sectors, NOT_NEW)];
    const holds = notOld === 0 ? 'old' : notNew === 0 ? 'new' : 'torn';
    if (holds === 'torn' && state.left.B > 0)
      throw new Lost(
        `slot B has ${state.left.B} attempts and is torn: ${notOld} sectors are not as they were, ${notNew} not as they shall be`,
      );
    const order: Slot[] = state.first === 'A' ? ['A', 'B'] : ['B', 'A'];
    const starts = order.find((slot) => state.left[slot] > 0);
    if (starts === undefined) throw new Lost('no slot has attempts left');
    return { state, starts, holds };
  }

  #take(write: DiskWrite, keep = everything): void {
    const { state, running } = this.#parts;
    const { offset, data } = write;
    const into = running.find((part) => overlaps(write, part));
    if (into !== undefined) throw new Lost(`${into.name} is written, from which the board runs`);
    const isState = overlaps(write, state);
    if (!isState && !this.isInto(write)) return;
    const compared = isState ? undefined : this.#compare(write);
    for (let sector = 0; sector < data.length / SECTOR_BYTES; sector++) {
      if (!keep(0, sector)) continue;
      const at = offset + sector * SECTOR_BYTES;
      if (compared === undefined) this.#takeState(at, data.subarray(sector * SECTOR_BYTES));
      else this.#sectors[this.#placeOf(at)] = compared[sector] ?? 0;
    }
  }

  #takeState(offset: number, data: Buffer): void {
    const copy = COPY_OFFSETS.findIndex((at) => this.#parts.state.offset + at === offset);
    if (copy !== -1) this.#copies[copy] = data.subarray(0, COPY_SIZE);
  }

  /** The number of a sector in the written slot. @throws {RangeError} it is not in it: a write goes over its end */
  #placeOf(offset: number): number {
    let before = 0;
    for (const part of this.#parts.written) {
      if (offset >= part.offset && offset < part.offset + part.size)
        return (before + offset - part.offset) / SECTOR_BYTES;
      before += part.size;
    }
    throw new RangeError(`a write at ${offset} goes over the end of its partition`);
  }

  #compare({ offset, data }: DiskWrite): Uint8Array {
    const known = this.#compared.get(data);
    if (known !== undefined) return known;
    const sectors = new Uint8Array(data.length / SECTOR_BYTES);
    for (const [file, flag] of [
      [this.#old, NOT_OLD],
      [this.#new, NOT_NEW],
    ] as const) {
      const image = readAt(file, offset, data.length);
      if (image.equals(data)) continue;
      for (let at = 0; at < data.length; at += SECTOR_BYTES)
        if (image.compare(data, at, at + SECTOR_BYTES, at, at + SECTOR_BYTES) !== 0)
          sectors[at / SECTOR_BYTES] = (sectors[at / SECTOR_BYTES] ?? 0) | flag;
    }
    this.#compared.set(data, sectors);
    return sectors;
  }
}

function overlaps({ offset, data }: DiskWrite, part: Partition): boolean {
  return offset < part.offset + part.size && offset + data.length > part.offset;
}

function countOf(sectors: Uint8Array, flag: number): number {
  let count = 0;
  for (const sector of sectors) if ((sector & flag) !== 0) count++;
  return count;
}

/** What is beyond the end of an image is zeros. */
function readAt(file: number, offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  readSync(file, bytes, 0, length, offset);
  return bytes;
}
