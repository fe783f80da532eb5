import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  CERTIFICATE_BYTES,
  CERTIFICATE_SECONDS,
  checkCertificate,
  InvalidCertificate,
  issueCertificate,
} from '../../../services/net/certificate.ts';
import { Identity } from '../../../services/net/keys.ts';
import { fuzzRuns } from '../../fuzz.ts';

const identity = Identity.generate();
const staticKey = Buffer.alloc(32, 9);
const NOW = 1_800_000_000;
const certificate = issueCertificate(identity, 'link', staticKey, NOW);

it('tells whose static key it is, until it expires', () => {
  expect(certificate).toHaveLength(CERTIFICATE_BYTES);
  expect(checkCertificate(certificate, 'link', staticKey, NOW)).toBe(identity.publicKey);
  expect(checkCertificate(certificate, 'link', staticKey, NOW + CERTIFICATE_SECONDS)).toBe(
    identity.publicKey,
  );
  expect(() => checkCertificate(certificate, 'link', staticKey, NOW + CERTIFICATE_SECONDS + 1)).toThrow(
    /expired 1 min ago; is a clock wrong/,
  );
  expect(() => checkCertificate(certificate, 'link', staticKey, NOW + 86_400 * 30)).toThrow(
    /expired 718 h ago/,
  );
});

it('is good for one purpose and one static key', () => {
  expect(() => checkCertificate(certificate, 'circuit', staticKey, NOW)).toThrow(InvalidCertificate);
  expect(() => checkCertificate(certificate, 'link', Buffer.alloc(32, 8), NOW)).toThrow(InvalidCertificate);
});

it('is refused with any bit changed', () => {
  for (let bit = 0; bit < certificate.length * 8; bit++) {
    const changed = Buffer.from(certificate);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(() => checkCertificate(changed, 'link', staticKey, NOW)).toThrow(InvalidCertificate);
  }
});

it('is refused whatever else it is', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2 * CERTIFICATE_BYTES }), (bytes) => {
      expect(() => checkCertificate(bytes, 'link', staticKey, NOW)).toThrow(InvalidCertificate);
    }),
    fuzzRuns('certificate', 100_000),
  );
});
