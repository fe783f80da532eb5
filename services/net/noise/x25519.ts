import { createPrivateKey, createPublicKey, diffieHellman, type KeyObject, randomBytes } from 'node:crypto';

/** Bytes of a public key, a private key and a shared secret. */
export const DH_BYTES = 32;

/** DER of RFC 8410 up to the 32 bytes of the key. */
const PRIVATE_PREFIX = Buffer.from('302e020100300506032b656e04220420', 'hex');
const PUBLIC_PREFIX = Buffer.from('302a300506032b656e032100', 'hex');

export interface DhKeyPair {
  privateKey: KeyObject;
  /** 32 bytes. */
  publicKey: Buffer;
}

/** A public key with which no secret can be agreed on: one of the few points of small order. */
export class WeakKey extends Error {
  override readonly name = 'WeakKey';
}

/** The pair of a private key (RFC 7748); without one a new pair. */
export function dhKeyPair(secret: Uint8Array = randomBytes(DH_BYTES)): DhKeyPair {
  if (secret.length !== DH_BYTES) throw new RangeError(`a private key has ${DH_BYTES} bytes`);
  const der = Buffer.concat([PRIVATE_PREFIX, secret]);
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  return { privateKey, publicKey: spki.subarray(PUBLIC_PREFIX.length) };
}

/** @returns the shared secret, 32 bytes. @throws {WeakKey} */
export function dh(pair: DhKeyPair, publicKey: Uint8Array): Buffer {
  const der = Buffer.concat([PUBLIC_PREFIX, publicKey]);
  const theirs = createPublicKey({ key: der, format: 'der', type: 'spki' });
  try {
    return diffieHellman({ privateKey: pair.privateKey, publicKey: theirs });
  } catch (cause) {
    throw new WeakKey('no secret can be agreed on with this public key', { cause });
  }
}
