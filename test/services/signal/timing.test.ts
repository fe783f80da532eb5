import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Backoff } from '../../../services/signal/index.ts';
import { RateLimit } from '../../../services/signal/ratelimit.ts';

describe('the back-off', () => {
  it('doubles up to its cap and starts over after a success', () => {
    const backoff = new Backoff({ firstMs: 100, maxMs: 1_000, random: () => 1 });
    expect([1, 2, 3, 4, 5, 6].map(() => backoff.next())).toEqual([100, 200, 400, 800, 1_000, 1_000]);
    backoff.reset();
    expect(backoff.next()).toBe(100);
  });

  it('spreads each delay between half of its step and the whole', () => {
    fc.assert(
      fc.property(fc.nat(50), fc.double({ min: 0, max: 1, noNaN: true }), (attempts, random) => {
        const backoff = new Backoff({ firstMs: 50, maxMs: 5_000, random: () => random });
        for (let attempt = 0; attempt < attempts; attempt++) {
          const step = Math.min(5_000, 50 * 2 ** attempt);
          expect(backoff.next()).toBeCloseTo(step * (0.5 + random / 2), 6);
        }
      }),
    );
  });

  it('stays at its cap after thousands of attempts', () => {
    const backoff = new Backoff({ firstMs: 50, maxMs: 5_000, random: () => 1 });
    for (let attempt = 0; attempt < 5_000; attempt++) backoff.next();
    expect(backoff.next()).toBe(5_000);
  });
});

describe('the rate limit', () => {
  it('lets a burst pass, then so many a second', () => {
    let now = 0;
    const limit = new RateLimit({ burst: 10, perSecond: 5 }, () => now);
    expect(limit.take(10)).toBe(true);
    expect(limit.take(1)).toBe(false);
    now = 1_000;
    expect(limit.take(5)).toBe(true);
    expect(limit.take(1)).toBe(false);
  });

  it('saves up no more than a burst', () => {
    let now = 0;
    const limit = new RateLimit({ burst: 10, perSecond: 5 }, () => now);
    now = 3_600_000;
    expect(limit.take(11)).toBe(false);
    expect(limit.take(10)).toBe(true);
  });
});
