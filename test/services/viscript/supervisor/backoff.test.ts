import { describe, expect, it } from 'vitest';
import { Backoff } from '../../../../services/viscript/supervisor/backoff.ts';

describe('back-off', () => {
  it('restarts at once after a first failure, then ever later up to the cap', () => {
    const backoff = new Backoff({ baseMs: 100, capMs: 1000, jitter: 0 });
    expect(Array.from({ length: 7 }, () => backoff.next(0))).toEqual([0, 100, 200, 400, 800, 1000, 1000]);
  });

  it('counts from the beginning after a stable run', () => {
    const backoff = new Backoff({ baseMs: 100, jitter: 0, stableMs: 60_000 });
    for (let failures = 0; failures < 5; failures++) backoff.next(59_999);
    expect(backoff.next(59_999)).toBe(1600);
    expect([backoff.next(60_000), backoff.next(0)]).toEqual([0, 100]);
  });

  it('spreads the delays so that apps do not come back together', () => {
    const values = [0, 0.5, 0.999].map((random) => {
      const backoff = new Backoff({ baseMs: 1000, jitter: 0.2, random: () => random });
      backoff.next(0);
      return backoff.next(0);
    });
    expect(values).toEqual([1000, 900, 800.2]);
  });
});
