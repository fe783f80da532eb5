import { createCipheriv, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { useOpenSsl } from '../../../../services/net/noise/openssl.ts';
import {
  AESGCM,
  ChaChaPoly,
  ForgedRecord,
  type Suite,
  TAG_BYTES,
} from '../../../../services/net/noise/suite.ts';

const key = randomBytes(32);
/** Ciphers of node:crypto, made before the others take their place. */
const theirs = new Map<Suite, ReturnType<Suite['aead']>>(
  [AESGCM, ChaChaPoly].map((suite) => [suite, suite.aead(key)]),
);
const used = await useOpenSsl();

const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((each) => Buffer.from(each));
const nonces = fc.oneof(fc.nat(), fc.maxSafeNat());
const numRuns = 5_000;

describe('OpenSSL without node:crypto', () => {
  it('is there in the Node.js of the lock file', () => {
    expect(used).toBe(true);
  });

  describe.each([AESGCM, ChaChaPoly])('$name', (suite) => {
    const ours = suite.aead(key);
    const node = theirs.get(suite) as typeof ours;

    it('is another one than that of node:crypto', () => {
      expect(ours.constructor).not.toBe(node.constructor);
    });

    it('seals and opens as node:crypto does, in pieces of any size', () => {
      fc.assert(
        fc.property(
          nonces,
          fc.array(bytes(40), { maxLength: 3 }),
          fc.array(bytes(300), { maxLength: 5 }),
          (nonce, additional, plaintext) => {
            const whole = Buffer.concat(plaintext);
            const sealed = Buffer.concat(ours.sealParts(nonce, additional, plaintext));
            expect(sealed.equals(Buffer.concat(node.sealParts(nonce, additional, plaintext)))).toBe(true);
            expect(sealed.equals(ours.seal(nonce, Buffer.concat(additional), whole))).toBe(true);
            expect(ours.open(nonce, additional, sealed).equals(whole)).toBe(true);
            expect(node.open(nonce, additional, sealed).equals(whole)).toBe(true);
          },
        ),
        { numRuns },
      );
    });

    it('opens nothing that was changed, and goes on afterwards', () => {
      fc.assert(
        fc.property(nonces, bytes(40), bytes(300), fc.nat(), (nonce, additional, plaintext, at) => {
          const sealed = ours.seal(nonce, additional, plaintext);
          const bit = at % (sealed.length * 8);
          sealed[bit >> 3] = (sealed[bit >> 3] as number) ^ (1 << (bit & 7));
          expect(() => ours.open(nonce, additional, sealed)).toThrow(ForgedRecord);
          expect(() => ours.open(nonce, Buffer.concat([additional, Buffer.of(1)]), sealed)).toThrow(
            ForgedRecord,
          );
          expect(
            ours.open(nonce, additional, ours.seal(nonce, additional, plaintext)).equals(plaintext),
          ).toBe(true);
        }),
        { numRuns },
      );
    });

    it('opens nothing that is too short, and takes no nonce that is none', () => {
      for (let length = 0; length < TAG_BYTES; length++)
        expect(() => ours.open(0, Buffer.of(), Buffer.alloc(length))).toThrow(ForgedRecord);
      for (const nonce of [-1, 0.5, Number.NaN, 2 ** 53])
        expect(() => ours.seal(nonce, Buffer.of(), Buffer.of())).toThrow(RangeError);
    });

    it('seals a record of the greatest size', () => {
      const plaintext = randomBytes(262_144);
      const sealed = ours.seal(7, Buffer.of(), plaintext);
      expect(node.open(7, Buffer.of(), sealed).equals(plaintext)).toBe(true);
    });

    it('takes a key of 32 bytes alone', () => {
      expect(() => suite.aead(randomBytes(16))).toThrow(RangeError);
    });
  });

  it('leaves no error behind in which node:crypto would trip', () => {
    const ours = AESGCM.aead(key);
    expect(() => ours.open(0, Buffer.of(), Buffer.alloc(40))).toThrow(ForgedRecord);
    const cipher = createCipheriv('aes-256-gcm', key, Buffer.alloc(12));
    expect(cipher.update('text').length + cipher.final().length).toBe(4);
  });
});
