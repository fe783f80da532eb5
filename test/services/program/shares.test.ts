import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Shares } from '../../../services/program/shares.ts';

/** How often a source can take, if it is not stopped. */
function takeAll(shares: Shares, source: string): number {
  let count = 0;
  while (shares.take(source)) count++;
  return count;
}

describe('room that is shared', () => {
  it('is never all for one: each further source still has half of what the others have left', () => {
    const shares = new Shares(4_096);
    expect(['one', 'two', 'three'].map((source) => takeAll(shares, source))).toEqual([2_048, 1_024, 512]);
    expect(shares.isFull).toBe(false);
  });

  it('of one is for one', () => {
    const shares = new Shares(1);
    expect(shares.take('one')).toBe(true);
    expect(shares.isFull).toBe(true);
    expect([shares.take('one'), shares.take('two')]).toEqual([false, false]);
    shares.give('one');
    expect(shares.take('two')).toBe(true);
  });

  it('is given back by whoever has it', () => {
    const shares = new Shares(10);
    expect(() => shares.give('one')).toThrow(/one has nothing to give back/);
    shares.take('one');
    shares.give('one');
    expect(() => shares.give('one')).toThrow(RangeError);
  });

  it('is never more than there is, and there for a new source unless it is full, whatever happens', () => {
    const step = fc.record({ source: fc.constantFrom('a', 'b', 'c', 'd'), takes: fc.boolean() });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.array(step, { maxLength: 200 }), (max, steps) => {
        const shares = new Shares(max);
        const taken = new Map<string, number>();
        for (const { source, takes } of steps) {
          const had = taken.get(source) ?? 0;
          if (takes && shares.take(source)) taken.set(source, had + 1);
          else if (!takes && had > 0) {
            shares.give(source);
            taken.set(source, had - 1);
          }
          const total = [...taken.values()].reduce((sum, count) => sum + count, 0);
          expect(total).toBeLessThanOrEqual(max);
          expect(shares.isFull).toBe(total === max);
          expect(shares.take('new')).toBe(total < max);
          if (total < max) shares.give('new');
        }
      }),
    );
  });
});
