import { describe, expect, it } from 'vitest';
import { RestartBackoff } from '../../../../services/viscript/supervisor/restart-backoff.ts';

/** Without jitter: each delay is the whole of its step. */
const random = () => 1;

describe('the delays of restarts', () => {
  it('restarts at once after a first failure, then ever later up to the cap', () => {
    const backoff = new RestartBackoff({ firstMs: 100, maxMs: 1000, random });
    expect(Array.from({ length: 7 }, () => backoff.next(0))).toEqual([0, 100, 200, 400, 800, 1000, 1000]);
  });

  it('counts from the beginning after a stable run', () => {
    const backoff = new RestartBackoff({ firstMs: 100, random, stableMs: 60_000 });
    for (let failures = 0; failures < 5; failures++) backoff.next(59_999);
    expect(backoff.next(59_999)).toBe(1600);
    expect([backoff.next(60_000), backoff.next(0)]).toEqual([0, 100]);
  });

  it('spreads the delays so that apps do not come back together', () => {
    const values = [0, 0.5, 1].map((share) => {
      const backoff = new RestartBackoff({ firstMs: 1000, random: () => share });
      backoff.next(0);
      return backoff.next(0);
    });
    expect(values).toEqual([500, 750, 1000]);
  });
});
