import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isOlder } from '../../../image/update/service/version.ts';

it.for([
  ['0.1.0-f63bb2d9', '0.1.0-11f8c648', false],
  ['0.1.0', '0.1.1', true],
  ['0.9.9', '0.10.0', true],
  ['1.0.0', '0.10.0', false],
  ['0.2.0-a', '0.2.0', false],
  ['2.0.0', '10.0.0', true],
])('of %s and %s the first one is older: %s', ([version, than, older]) => {
  expect(isOlder(String(version), String(than))).toBe(older);
});

it.for(['', '1', '1.2', 'v1.2.3', '1.2.3.4', '1.2.x', '1.2.3 ', '-1.2.3', '1e3.0.0'])(
  'cannot compare %j',
  (text) => {
    expect(isOlder(text, '1.0.0')).toBeUndefined();
    expect(isOlder('1.0.0', text)).toBeUndefined();
  },
);

it('takes at most one of two for older', () => {
  const version = fc.tuple(fc.nat(99), fc.nat(99), fc.nat(99)).map((numbers) => numbers.join('.'));
  fc.assert(
    fc.property(version, version, (a, b) => {
      expect([isOlder(a, b), isOlder(b, a)].filter(Boolean).length).toBe(a === b ? 0 : 1);
    }),
  );
});
