import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { median, ratio } from '../../../scripts/measure/statistics.ts';

describe('median', () => {
  it('is the middle value, or the mean of the two in the middle', () => {
    expect(median([30, 10, 20])).toBe(20);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([7])).toBe(7);
  });

  it('has as many values below as above it', () => {
    const values = fc.array(fc.integer(), { minLength: 1 });
    fc.assert(
      fc.property(values, (list) => {
        const middle = median(list);
        const below = list.filter((value) => value < middle).length;
        const above = list.filter((value) => value > middle).length;
        expect(Math.max(below, above)).toBeLessThanOrEqual(list.length / 2);
      }),
    );
  });

  it('is refused for no values', () => {
    expect(() => median([])).toThrow(RangeError);
  });
});

describe('ratio', () => {
  it('compares what was measured in the same round', () => {
    // In the third round the machine was ten times slower for both.
    expect(ratio([10, 12, 100], [20, 24, 200])).toBe(0.5);
  });

  it('refuses rounds that have no partner', () => {
    expect(() => ratio([1, 2], [1])).toThrow(RangeError);
  });
});
