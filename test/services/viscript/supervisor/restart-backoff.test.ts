import { describe, expect, it } from 'vitest';
import { RestartBackoff } from '../../../../services/viscript/supervisor/restart-backoff.ts';

/** Without jitter: each delay is the whole of its step. */
const random = () => 1;

describe('the delays of restarts', () => {
  it('restarts at once after a first failure, then ever later up to the cap, for ever', () => {
    const backoff = new RestartBackoff({ firstMs: 100, maxMs: 1000, random });
    expect(Array.from({ length: 7 }, () => backoff.next())).toEqual([0, 100, 200, 400, 800, 1000, 1000]);
    for (let count = 0; count < 5000; count++) expect(backoff.next()).toBe(1000);
    expect(backoff.failures).toBe(5007);
  });

  it('counts from the beginning after a stable run', () => {
    const backoff = new RestartBackoff({ firstMs: 100, random });
    for (let failures = 0; failures < 5; failures++) backoff.next();
    expect(backoff.next()).toBe(1600);
    backoff.reset();
    expect(backoff.failures).toBe(0);
    expect([backoff.next(), backoff.next()]).toEqual([0, 100]);
  });

  it.each([0, 1, 3, 7, 5000])('goes on where an earlier supervisor was after %i failures', (failures) => {
    const before = new RestartBackoff({ firstMs: 100, maxMs: 5000, random });
    for (let count = 0; count < failures; count++) before.next();
    const after = new RestartBackoff({ firstMs: 100, maxMs: 5000, random }, failures);
    expect(after.failures).toBe(failures);
    expect(after.next()).toBe(before.next());
    expect(after.failures).toBe(failures + 1);
  });

  it('spreads the delays so that apps do not come back together', () => {
    const values = [0, 0.5, 1].map((share) => {
      const backoff = new RestartBackoff({ firstMs: 1000, random: () => share });
      backoff.next();
      return backoff.next();
    });
    expect(values).toEqual([500, 750, 1000]);
  });
});
