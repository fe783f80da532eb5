import { type FileHandle, open } from 'node:fs/promises';
import { run } from '../../../image/run.ts';
import { seededRandom } from '../../../image/seeded-random.ts';
import { type DiskEvent, type DiskRecord, type DiskWrite, SECTOR_BYTES } from './disk-record.ts';

/** A power cut: what of the record happened before it, and the seed for what the disk made of it. */
export interface Cut {
  /** Events before this one happened. */
  at: number;
  seed: number;
}

/** What a power cut did. */
export interface CutState {
  /** What must be on the disk all the same: the newest version that each writer had been promised. */
  kept: ReadonlyMap<string, number>;
  /** Writes that were not flushed. */
  unflushed: number;
  /** Sectors of them that are on the disk, and that are not. */
  sectors: { there: number; gone: number };
}

/**
 * Chooses power cuts, in the order of the record. A third falls anywhere; the others where it is most likely that
 * something is lost: just after a writer has been promised something, and just before a flush.
 */
export function chooseCuts(events: readonly DiskEvent[], count: number, seed: number): Cut[] {
  const random = seededRandom(seed);
  const after = positions(events, 'mark').map((index) => index + 1);
  const before = positions(events, 'flush');
  const anywhere = () => Math.floor(random() * (events.length + 1));
  const one = (places: readonly number[]) => places[Math.floor(random() * places.length)] ?? anywhere();
  const cuts = Array.from({ length: count }, (_, index) => ({
    at: [anywhere, () => one(after), () => one(before)][index % 3]?.() ?? 0,
    seed: Math.floor(random() * 2 ** 32),
  }));
  return cuts.sort((one, other) => one.at - other.at);
}

/** Goes through a record in its order, and knows at each moment what a power cut could still take. */
export class Passage {
  readonly #events: readonly DiskEvent[];
  readonly #onDurable: (writes: readonly DiskWrite[]) => Promise<void>;
  readonly #kept = new Map<string, number>();
  /** Not flushed, with where they are in the record. */
  #unflushed: { index: number; write: DiskWrite }[] = [];
  #next = 0;

  /** @param onDurable told of writes from when on they are on the disk for good */
  constructor(events: readonly DiskEvent[], onDurable: (writes: readonly DiskWrite[]) => Promise<void>) {
    this.#events = events;
    this.#onDurable = onDurable;
  }

  /** The newest version that each writer has been promised. */
  get kept(): ReadonlyMap<string, number> {
    return this.#kept;
  }

  get unflushed(): DiskWrite[] {
    return this.#unflushed.map(({ write }) => write);
  }

  /**
   * Goes on to before this event.
   *
   * @throws {RangeError} it is behind
   */
  async to(at: number): Promise<void> {
    if (at < this.#next) throw new RangeError(`a cut at event ${at} after one at event ${this.#next}`);
    while (this.#next < at) await this.#pass(this.#next++);
  }

  async #pass(index: number): Promise<void> {
    const event = this.#events[index];
    if (event?.kind === 'write') this.#unflushed.push({ index, write: event });
    if (event?.kind === 'mark') this.#kept.set(event.writer, event.version);
    if (event?.kind !== 'flush') return;
    const { covers } = event;
    const durable = this.#unflushed.filter(({ index }) => index < covers);
    this.#unflushed = this.#unflushed.filter(({ index }) => index >= covers);
    await this.#onDurable(durable.map(({ write }) => write));
  }
}

/** Makes the disks that power cuts leave, one after the other in the order of the record. */
export class Replay implements AsyncDisposable {
  readonly #passage: Passage;
  readonly #durable: string;
  readonly #file: FileHandle;

  /** @param durable path for a working copy of the disk, which the caller removes */
  static async begin(record: DiskRecord, durable: string): Promise<Replay> {
    await copySparse(record.base, durable);
    return new Replay(record.events, durable, await open(durable, 'r+'));
  }

  private constructor(events: readonly DiskEvent[], durable: string, file: FileHandle) {
    this.#passage = new Passage(events, async (writes) => {
      for (const write of writes) await writeAll(file, write);
    });
    this.#durable = durable;
    this.#file = file;
  }

  /**
   * Writes the disk as this cut left it.
   *
   * @throws {RangeError} the cut before was a later one
   */
  async disk({ at, seed }: Cut, path: string): Promise<CutState> {
    await this.#passage.to(at);
    const writes = this.#passage.unflushed;
    const there = survivors(writes, seed);
    await copySparse(this.#durable, path);
    await using file = await open(path, 'r+');
    for (const write of there) await writeAll(file, write);
    const all = sectorsOf(writes);
    const sectors = { there: sectorsOf(there), gone: all - sectorsOf(there) };
    return { kept: new Map(this.#passage.kept), unflushed: writes.length, sectors };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}

/** Whether a sector of a write, both by their numbers from 0 on, is on the disk. To be asked once for each, in their order. */
export type Keep = (write: number, sector: number) => boolean;

/** What of the writes in a disk's cache reaches the disk when its power goes; in their order, in pieces. */
export function survivors(writes: readonly DiskWrite[], seed: number): DiskWrite[] {
  const keep = keepOf(writes, seed);
  return writes.flatMap((write, index) => pieces(write, (sector) => keep(index, sector)));
}

/** The same, without taking the writes apart. */
export function keepOf(writes: readonly DiskWrite[], seed: number): Keep {
  const random = seededRandom(seed);
  const chosen = Math.floor(random() * writes.length);
  const each = writes.map(() => random());
  const ways: Keep[] = [
    () => false,
    () => true,
    (write) => write !== chosen,
    (write) => write === chosen,
    // As they came, up to one that is torn.
    (write) => write < chosen || (write === chosen && random() < 0.5),
    (write) => (each[write] ?? 0) < 0.5,
    () => random() < 0.5,
    (write) => (each[write] ?? 0) < 0.3 || ((each[write] ?? 0) < 0.7 && random() < 0.5),
  ];
  return ways[Math.floor(random() * ways.length)] ?? (() => false);
}

/** The sectors of a write that are kept, neighbours together. */
function pieces({ offset, data }: DiskWrite, keep: (sector: number) => boolean): DiskWrite[] {
  const kept: DiskWrite[] = [];
  let from: number | undefined;
  for (let at = 0; at <= data.length; at += SECTOR_BYTES) {
    const goesOn = at < data.length && keep(at / SECTOR_BYTES);
    if (goesOn) from ??= at;
    else if (from !== undefined) {
      kept.push({ offset: offset + from, data: data.subarray(from, at) });
      from = undefined;
    }
  }
  return kept;
}

function sectorsOf(writes: readonly DiskWrite[]): number {
  return writes.reduce((sum, { data }) => sum + data.length / SECTOR_BYTES, 0);
}

function positions(events: readonly DiskEvent[], kind: DiskEvent['kind']): number[] {
  return events.flatMap((event, index) => (event.kind === kind ? [index] : []));
}

async function writeAll(file: FileHandle, { offset, data }: DiskWrite): Promise<void> {
  await file.write(data, 0, data.length, offset);
}

/** `cp` keeps the holes of a file that is mostly empty. */
async function copySparse(from: string, to: string): Promise<void> {
  await run('cp', ['--sparse=always', '--reflink=auto', from, to]);
}
