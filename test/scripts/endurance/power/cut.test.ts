import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { chooseCuts, Replay, survivors } from '../../../../scripts/endurance/power/cut.ts';
import {
  type DiskEvent,
  DiskRecord,
  OutsideDisk,
  SECTOR_BYTES,
} from '../../../../scripts/endurance/power/disk-record.ts';

let folder: string;
let record: DiskRecord;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'power-cut-'));
  await writeFile(join(folder, 'base'), Buffer.alloc(16 * SECTOR_BYTES));
  record = new DiskRecord(join(folder, 'base'));
});

afterEach(async () => {
  record[Symbol.dispose]();
  await rm(folder, { recursive: true });
});

/** Sectors of one byte each. */
const sectors = (...values: number[]) =>
  Buffer.concat(values.map((value) => Buffer.alloc(SECTOR_BYTES, value)));
const disk = async (at: number, seed: number) => {
  await using replay = await Replay.begin(record, join(folder, 'durable'));
  const state = await replay.disk({ at, seed }, join(folder, 'disk'));
  const bytes = await readFile(join(folder, 'disk'));
  return { state, values: Array.from({ length: 16 }, (_, sector) => bytes[sector * SECTOR_BYTES]) };
};
const seeds = Array.from({ length: 200 }, (_, seed) => seed);

describe('a disk that is recorded', () => {
  it('shows what was written, and leaves the image as it was', async () => {
    record.write(SECTOR_BYTES, sectors(1, 2));
    record.write(2 * SECTOR_BYTES, sectors(3));
    expect(record.read(0, 4 * SECTOR_BYTES)).toEqual(sectors(0, 1, 3, 0));
    expect(await readFile(join(folder, 'base'))).toEqual(Buffer.alloc(16 * SECTOR_BYTES));
  });

  it('refuses what is not whole sectors inside it', () => {
    expect(() => record.write(1, sectors(1))).toThrow(OutsideDisk);
    expect(() => record.write(0, Buffer.alloc(100))).toThrow(OutsideDisk);
    expect(() => record.read(16 * SECTOR_BYTES, SECTOR_BYTES)).toThrow(OutsideDisk);
    expect(record.events).toEqual([]);
  });
});

describe('a power cut', () => {
  it('never takes what was flushed before it, and may take everything else', async () => {
    record.write(0, sectors(1, 1));
    record.flush(1);
    record.write(0, sectors(2));
    record.write(4 * SECTOR_BYTES, sectors(3, 4, 5));
    const seen = new Set<string>();
    for (const seed of seeds) {
      const { values } = await disk(4, seed);
      expect(values[1]).toBe(1);
      seen.add(values.join());
    }
    // Two values of the first sector, and each of three sectors there or not.
    expect(seen.size).toBe(16);
  });

  it('may take a write that had not been answered when the flush was asked for', async () => {
    record.write(0, sectors(1));
    record.write(SECTOR_BYTES, sectors(2));
    record.flush(1);
    const seen = await Promise.all([...new Set(seeds)].slice(0, 1).map(() => disk(3, 0)));
    expect(seen[0]?.state.unflushed).toBe(1);
    expect(seen[0]?.values[0]).toBe(1);
  });

  it('leaves of a sector what was written last, or something from before, never something else', async () => {
    for (const value of [1, 2, 3]) record.write(0, sectors(value));
    const seen = new Set<number | undefined>();
    for (const seed of seeds) seen.add((await disk(3, seed)).values[0]);
    expect([...seen].sort()).toEqual([0, 1, 2, 3]);
  });

  it('knows what each writer had been promised by then', async () => {
    record.mark({ writer: 'journal', version: 1 });
    record.mark({ writer: 'other', version: 5 });
    record.mark({ writer: 'journal', version: 2 });
    expect([...(await disk(2, 1)).state.kept]).toEqual([
      ['journal', 1],
      ['other', 5],
    ]);
    expect((await disk(3, 1)).state.kept.get('journal')).toBe(2);
  });

  it('is the same again with the same seed, and in the order of the record', async () => {
    record.write(0, sectors(1, 2, 3, 4));
    expect(await disk(1, 7)).toEqual(await disk(1, 7));
    await using replay = await Replay.begin(record, join(folder, 'durable'));
    await replay.disk({ at: 1, seed: 1 }, join(folder, 'disk'));
    await expect(replay.disk({ at: 0, seed: 1 }, join(folder, 'disk'))).rejects.toThrow(RangeError);
  });

  it('leaves nothing but pieces of what was written, in its order', () => {
    const write = fc.record({ at: fc.nat(8), values: fc.array(fc.nat(255), { minLength: 1, maxLength: 8 }) });
    fc.assert(
      fc.property(fc.array(write, { maxLength: 10 }), fc.nat(), (writes, seed) => {
        const given = writes.map(({ at, values }) => ({
          offset: at * SECTOR_BYTES,
          data: sectors(...values),
        }));
        let next = 0;
        for (const piece of survivors(given, seed)) {
          const from = given.findIndex(
            ({ offset, data }, index) =>
              index >= next &&
              piece.offset >= offset &&
              piece.offset + piece.data.length <= offset + data.length &&
              data
                .subarray(piece.offset - offset)
                .subarray(0, piece.data.length)
                .equals(piece.data),
          );
          expect(from).not.toBe(-1);
          next = from;
        }
      }),
    );
  });
});

it('chooses cuts after promises, before flushes and anywhere, in the order of the record', () => {
  const events: DiskEvent[] = Array.from({ length: 1_000 }, () => ({ kind: 'flush', covers: 0 }));
  events[500] = { kind: 'mark', writer: 'journal', version: 1 };
  const cuts = chooseCuts(events, 300, 1);
  expect(cuts).toHaveLength(300);
  expect(cuts.filter(({ at }) => at === 501).length).toBeGreaterThanOrEqual(100);
  expect(cuts.map(({ at }) => at)).toEqual(cuts.map(({ at }) => at).sort((a, b) => a - b));
  expect(chooseCuts(events, 300, 1)).toEqual(cuts);
});
