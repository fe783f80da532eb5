import { expect, it } from 'vitest';
import { AESGCM, ChaChaPoly } from '../../../../services/net/noise/suite.ts';
import {
  chooseSuite,
  suiteBits,
  suiteOfNumber,
  suitesHere,
  suitesOf,
} from '../../../../services/net/session/suites.ts';

it('takes AESGCM only where the processor has AES', () => {
  expect(suitesOf('processor\t: 0\nflags\t\t: fpu vme aes avx\n')).toEqual([AESGCM, ChaChaPoly]);
  expect(suitesOf('flags\t\t: fpu aes\n')).toEqual([AESGCM, ChaChaPoly]);
  expect(suitesOf('processor\t: 0\nFeatures\t: fp asimd aes pmull\n')).toEqual([AESGCM, ChaChaPoly]);
  expect(suitesOf('Features\t: fp asimd evtstrm crc32\n')).toEqual([ChaChaPoly]);
  expect(suitesOf('flags\t\t: fpu vaes aesx\nmodel name\t: says aes\n')).toEqual([ChaChaPoly]);
  expect(suitesOf('')).toEqual([ChaChaPoly]);
  expect(suitesHere()).toContain(ChaChaPoly);
});

it('chooses the first that both ends take', () => {
  expect(chooseSuite(3, [AESGCM, ChaChaPoly])).toBe(AESGCM);
  expect(chooseSuite(3, [ChaChaPoly])).toBe(ChaChaPoly);
  expect(chooseSuite(2, [AESGCM, ChaChaPoly])).toBe(ChaChaPoly);
  expect(chooseSuite(1, [ChaChaPoly])).toBeUndefined();
  expect(chooseSuite(0, [AESGCM, ChaChaPoly])).toBeUndefined();
  expect(chooseSuite(0xfc, [AESGCM, ChaChaPoly])).toBeUndefined();
});

it('names them by number', () => {
  for (const suite of [AESGCM, ChaChaPoly]) expect(suiteOfNumber(suiteBits([suite]))).toBe(suite);
  expect(suiteBits([ChaChaPoly, AESGCM])).toBe(3);
  for (const number of [0, 3, 4, 255]) expect(suiteOfNumber(number)).toBeUndefined();
});
