import { describe, expect, it } from 'vitest';
import { parseDuration, parseSize } from '../../../../services/viscript/config/units.ts';

describe('parseDuration', () => {
  it.each([
    ['0s', 0],
    ['500ms', 500],
    ['10s', 10_000],
    ['1m30s', 90_000],
    ['1.5s', 1_500],
    ['2h', 7_200_000],
    ['1h1m1s1ms', 3_661_001],
  ])('reads %s as %i milliseconds', (text, milliseconds) => {
    expect(parseDuration(text)).toBe(milliseconds);
  });

  it.each(['', '10', 's', '-1s', '1s1m', '10 s', '1,5s', '1d', '1e3s', '.5s'])('refuses %j', (text) => {
    expect(() => parseDuration(text)).toThrow(RangeError);
  });
});

describe('parseSize', () => {
  it.each([
    ['96M', 96 * 2 ** 20],
    ['1G', 2 ** 30],
    ['1.5g', 1.5 * 2 ** 30],
    ['64K', 65_536],
    ['1T', 2 ** 40],
  ])('reads %s as %i bytes', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it.each(['', '96', 'M', '-1M', '1 M', '1MB', '0x1M'])('refuses %j', (text) => {
    expect(() => parseSize(text)).toThrow(RangeError);
  });
});
