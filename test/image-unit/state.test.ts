import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  COPY_OFFSETS,
  COPY_SIZE,
  decodeCopy,
  encodeCopy,
  newStatePartition,
  readCopies,
  type SlotState,
} from '../../image/disk/state.ts';

const number = fc.nat({ max: 0xffff_ffff });
const anyState: fc.Arbitrary<SlotState> = fc.record({
  sequence: number,
  first: fc.constantFrom('A', 'B'),
  left: fc.record({ A: number, B: number }),
});
const RUNS = { numRuns: 10_000 };

describe('a copy of the slot state', () => {
  it('is what U-Boot 2023.01 itself wrote for the same values', () => {
    // `env export -c -s 0x200` of seq=2 order="A B" leftA=2 leftB=3, read from a board's disk in QEMU.
    const fromUBoot = Buffer.from(
      'ca45a7126c656674413d32006c656674423d33006f726465723d412042007365713d3200',
      'hex',
    );
    const ours = encodeCopy({ sequence: 2, first: 'A', left: { A: 2, B: 3 } });
    expect(ours.subarray(0, fromUBoot.length).toString('hex')).toBe(fromUBoot.toString('hex'));
    expect(ours.toString('latin1', 4).replace(/\0+$/, '')).toBe('leftA=2\0leftB=3\0order=A B\0seq=2');
  });

  it('reads back as it was written', () => {
    fc.assert(
      fc.property(anyState, (state) => {
        const copy = encodeCopy(state);
        expect(copy.length).toBe(COPY_SIZE);
        expect(decodeCopy(copy)).toEqual(state);
      }),
      RUNS,
    );
  });

  it('is refused when any one bit of it is turned', () => {
    const bits = fc.nat({ max: COPY_SIZE * 8 - 1 });
    fc.assert(
      fc.property(anyState, bits, (state, bit) => {
        const copy = encodeCopy(state);
        copy.writeUInt8(copy.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
        expect(decodeCopy(copy)).toBeUndefined();
      }),
      RUNS,
    );
  });

  it('is refused, and nothing is thrown, when it is arbitrary bytes of any length', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2 * COPY_SIZE }), (bytes) => {
        expect(decodeCopy(bytes)).toBeUndefined();
      }),
      RUNS,
    );
  });

  it('holds no number that the boot script could not read', () => {
    for (const sequence of [-1, 0.5, 2 ** 32, Number.NaN]) {
      expect(() => encodeCopy({ sequence, first: 'A', left: { A: 3, B: 3 } })).toThrow(RangeError);
    }
  });
});

describe('two copies of the slot state', () => {
  it('survive a torn write: what was in force stays in force, whatever the other sector holds', () => {
    const garbage = fc.uint8Array({ minLength: COPY_SIZE, maxLength: COPY_SIZE });
    fc.assert(
      fc.property(anyState, garbage, fc.boolean(), (state, torn, second) => {
        const good = encodeCopy(state);
        const read = readCopies(second ? [torn, good] : [good, torn]);
        expect(read.state).toEqual(state);
        expect(read.overwrite).toBe(second ? 0 : 1);
      }),
      RUNS,
    );
  });

  it('are judged by their numbers as numbers, not as text', () => {
    const left = { A: 3, B: 3 };
    const older = encodeCopy({ sequence: 0x9, first: 'A', left });
    const newer = encodeCopy({ sequence: 0x10, first: 'B', left });
    expect(readCopies([older, newer])).toMatchObject({ state: { first: 'B' }, overwrite: 0 });
    expect(readCopies([newer, older])).toMatchObject({ state: { first: 'B' }, overwrite: 1 });
  });

  it('say so when both are broken', () => {
    const empty = Buffer.alloc(COPY_SIZE);
    expect(readCopies([empty, empty])).toEqual({ state: undefined, overwrite: 0, valid: [false, false] });
  });

  it('are both valid on a new disk, with slot A first', () => {
    const partition = newStatePartition(1024 * 1024);
    const [one, two] = COPY_OFFSETS.map((offset) => partition.subarray(offset, offset + COPY_SIZE));
    if (one === undefined || two === undefined) throw new Error('there are two copies');
    expect(readCopies([one, two])).toEqual({
      state: { sequence: 1, first: 'A', left: { A: 3, B: 3 } },
      overwrite: 1,
      valid: [true, true],
    });
  });
});
