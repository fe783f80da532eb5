import { describe, expect, it } from 'vitest';
import { extrapolate } from '../../../scripts/endurance/wear-figure.ts';

describe('what an idle board writes', () => {
  it('is the difference of looks, and as much again for the rest of the day', () => {
    expect(extrapolate([1000, 1512, 1512, 2536], 60_000)).toEqual({
      spans: [512, 0, 1024],
      spanMs: 60_000,
      perDay: 512 * 1440,
    });
  });

  it('is nothing where nothing was written', () => {
    expect(extrapolate([7, 7], 60_000).perDay).toBe(0);
  });

  it('cannot be told from one look, or from a counter that went back', () => {
    expect(() => extrapolate([7], 60_000)).toThrow(RangeError);
    expect(() => extrapolate([7, 6], 60_000)).toThrow(RangeError);
  });
});
