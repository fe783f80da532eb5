import { createPrivateKey, createPublicKey } from 'node:crypto';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import {
  Identity,
  InvalidKey,
  isSignedBy,
  parsePublicKey,
  publicKeyBytes,
  publicKeyOf,
} from '../../../services/net/keys.ts';

// RFC 8032, section 7.1, test 1.
const SEED = Buffer.from('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex');
const PUBLIC = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a';

describe('Identity', () => {
  it('has the public key that RFC 8032 gives for a seed', () => {
    const identity = Identity.fromSecretKey(Buffer.concat([SEED, Buffer.from(PUBLIC, 'hex')]));
    expect(identity.publicKey).toBe(PUBLIC);
    const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), SEED]);
    const spki = createPublicKey(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })).export({
      format: 'der',
      type: 'spki',
    });
    expect(spki.subarray(-32).toString('hex')).toBe(PUBLIC);
  });

  it('is the same again from its secret key', () => {
    const identity = Identity.generate();
    expect(Identity.fromSecretKey(identity.secretKey).publicKey).toBe(identity.publicKey);
    expect(identity.secretKey.subarray(32)).toEqual(publicKeyBytes(identity.publicKey));
  });

  it('refuses a secret key whose halves do not fit, and one of another length', () => {
    expect(() => Identity.fromSecretKey(Buffer.concat([SEED, SEED]))).toThrow(InvalidKey);
    expect(() => Identity.fromSecretKey(SEED)).toThrow(/64 bytes, not 32/);
  });

  it('signs for one purpose only', () => {
    const identity = Identity.generate();
    const body = Buffer.from('body');
    const signature = identity.sign('link', body);
    expect(isSignedBy(identity.publicKey, 'link', body, signature)).toBe(true);
    expect(isSignedBy(identity.publicKey, 'circuit', body, signature)).toBe(false);
    expect(isSignedBy(identity.publicKey, 'link', Buffer.from('Body'), signature)).toBe(false);
    expect(isSignedBy(Identity.generate().publicKey, 'link', body, signature)).toBe(false);
    expect(isSignedBy(identity.publicKey, 'link', body, signature.subarray(1))).toBe(false);
  });

  it('shows its secret to nobody who prints it', () => {
    const identity = Identity.generate();
    const secret = identity.secretKey.toString('hex').slice(0, 64);
    expect(inspect(identity, { depth: 9, showHidden: true })).not.toContain(secret);
    expect(JSON.stringify(identity)).toBe(JSON.stringify({ publicKey: identity.publicKey }));
  });
});

describe('parsePublicKey', () => {
  it('takes 64 hex digits and writes them small', () => {
    expect(parsePublicKey(PUBLIC.toUpperCase())).toBe(PUBLIC);
    expect(publicKeyOf(publicKeyBytes(parsePublicKey(PUBLIC)))).toBe(PUBLIC);
  });

  it.each(['', 'abcd', PUBLIC.slice(1), `${PUBLIC}0`, PUBLIC.replace('d', 'g'), ` ${PUBLIC}`, `${PUBLIC}\n`])(
    'refuses %j',
    (text) => {
      expect(() => parsePublicKey(text)).toThrow(InvalidKey);
    },
  );

  it('does not repeat all of a long text', () => {
    expect(() => parsePublicKey('x'.repeat(1000))).toThrow(/^'x{67}\.\.\.' is no key/);
  });
});
