import { describe, expect, it } from 'vitest';
import { untilTrue } from '../../../../scripts/console/line/put-out.ts';

describe('untilTrue', () => {
  it('asks until the answer is yes', async () => {
    let asked = 0;
    await untilTrue(() => ++asked === 3, new AbortController().signal);
    expect(asked).toBe(3);
  });

  it('ends with the signal where the answer is never yes', async () => {
    const end = new AbortController();
    const waiting = untilTrue(() => false, end.signal);
    end.abort();
    await waiting;
    await untilTrue(() => false, end.signal);
  });
});
