import { beforeEach, describe, expect, it } from 'vitest';
import { maxFailures, maxSources, PasswordFailures } from '../../../../services/socks/client/failures.ts';

describe('wrong passwords', () => {
  let now = 0;
  let failures: PasswordFailures;
  beforeEach(() => {
    now = 0;
    failures = new PasswordFailures(() => now);
  });

  function fail(address: string, count = maxFailures): void {
    for (let each = 0; each < count; each++) failures.add(address);
  }

  it('are taken from one source a number of times, and again when its minute is over', () => {
    fail('192.0.2.1', maxFailures - 1);
    expect(failures.tooMany('192.0.2.1')).toBe(false);
    now = 30_000;
    fail('192.0.2.1', 1);
    expect(failures.tooMany('192.0.2.1')).toBe(true);
    expect(failures.tooMany('192.0.2.2')).toBe(false);
    now = 59_999;
    expect(failures.tooMany('192.0.2.1')).toBe(true);
    now = 60_000;
    expect(failures.tooMany('192.0.2.1')).toBe(false);
    expect(failures.size).toBe(0);
  });

  it.each([
    ['2001:db8:0:1::7', '2001:db8::1:ffff:1:2:3', true],
    ['2001:db8::1', '2001:db8:0:0:8::', true],
    ['2001:db8:0:1::7', '2001:db8:0:2::7', false],
    ['::1', '2001:db8::1', false],
    ['::ffff:192.0.2.1', '::ffff:192.0.2.2', false],
  ])('of %s and of %s have the same source: %s', (one, other, same) => {
    fail(one);
    expect(failures.tooMany(one)).toBe(true);
    expect(failures.tooMany(other)).toBe(same);
  });

  it('of sources without end take no more room than those of some', () => {
    fail('192.0.2.1');
    for (let each = 0; each < 100_000; each++)
      failures.add(`10.${each >> 16}.${(each >> 8) & 255}.${each & 255}`);
    expect(failures.size).toBe(maxSources);
    expect(failures.tooMany('192.0.2.1')).toBe(false);
  });
});
