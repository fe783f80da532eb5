import { createPrivateKey, createPublicKey, type KeyObject, randomBytes, sign, verify } from 'node:crypto';

declare const isPublicKey: unique symbol;
/** An Ed25519 public key as everything here names it: 64 hex digits, lower case. */
export type PublicKey = string & { readonly [isPublicKey]: true };

/** What a signature is for. It stands in what is signed, so that no signature can be passed off as another. */
export type Purpose = 'link' | 'control' | 'circuit' | 'membership' | 'registration' | 'backup';

/** Bytes of a public key. */
export const PUBLIC_KEY_BYTES = 32;
/** Bytes of a secret key in tweetnacl's format: the seed, then the public key. */
export const SECRET_KEY_BYTES = 64;
export const SIGNATURE_BYTES = 64;

/** DER of RFC 8410 up to the 32 bytes of the key. */
const SECRET_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const PUBLIC_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/** Something that should have been a key and is not. */
export class InvalidKey extends Error {
  override readonly name = 'InvalidKey';
}

/** @throws {InvalidKey} unless it is 64 hex digits; capital ones are accepted, prefixes are not */
export function parsePublicKey(text: string): PublicKey {
  if (!/^[0-9a-f]{64}$/i.test(text))
    throw new InvalidKey(`'${shorten(text)}' is no key: a key has 64 hex digits`);
  return text.toLowerCase() as PublicKey;
}

/** @throws {InvalidKey} unless it is 32 bytes */
export function publicKeyOf(bytes: Uint8Array): PublicKey {
  if (bytes.length !== PUBLIC_KEY_BYTES) throw new InvalidKey(`a key has 32 bytes, not ${bytes.length}`);
  return Buffer.from(bytes).toString('hex') as PublicKey;
}

export function publicKeyBytes(key: PublicKey): Buffer {
  return Buffer.from(key, 'hex');
}

/** An Ed25519 key pair: who a board, or a rack's owner, is. The secret half never shows in a log or as JSON. */
export class Identity {
  readonly publicKey: PublicKey;
  readonly #secret: Buffer;
  readonly #key: KeyObject;

  private constructor(seed: Uint8Array) {
    const der = Buffer.concat([SECRET_PREFIX, seed]);
    this.#key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
    const spki = createPublicKey(this.#key).export({ format: 'der', type: 'spki' });
    const publicBytes = spki.subarray(PUBLIC_PREFIX.length);
    this.publicKey = publicKeyOf(publicBytes);
    this.#secret = Buffer.concat([seed, publicBytes]);
  }

  static generate(): Identity {
    return new Identity(randomBytes(SECRET_KEY_BYTES - PUBLIC_KEY_BYTES));
  }

  /** The identity of RFC 8032's secret: only for test vectors and for keys that were derived. @throws {InvalidKey} */
  static fromSeed(seed: Uint8Array): Identity {
    const bytes = SECRET_KEY_BYTES - PUBLIC_KEY_BYTES;
    if (seed.length !== bytes) throw new InvalidKey(`a seed has ${bytes} bytes, not ${seed.length}`);
    return new Identity(Buffer.from(seed));
  }

  /** @throws {InvalidKey} unless it is a secret key in tweetnacl's format, its two halves fitting each other */
  static fromSecretKey(secret: Uint8Array): Identity {
    if (secret.length !== SECRET_KEY_BYTES)
      throw new InvalidKey(`a secret key has ${SECRET_KEY_BYTES} bytes, not ${secret.length}`);
    const identity = new Identity(secret.subarray(0, SECRET_KEY_BYTES - PUBLIC_KEY_BYTES));
    if (!identity.#secret.equals(secret))
      throw new InvalidKey('the halves of this secret key do not fit each other');
    return identity;
  }

  /** The secret key in tweetnacl's format, for the file it is kept in and for nothing else. */
  get secretKey(): Buffer {
    return Buffer.from(this.#secret);
  }

  /** Signs `body` for one purpose. @returns 64 bytes */
  sign(purpose: Purpose, body: Uint8Array): Buffer {
    return sign(null, signedText(purpose, body), this.#key);
  }
}

/** Whether `signature` is that of `key` over `body`, for this purpose. */
export function isSignedBy(
  key: PublicKey,
  purpose: Purpose,
  body: Uint8Array,
  signature: Uint8Array,
): boolean {
  if (signature.length !== SIGNATURE_BYTES) return false;
  const der = Buffer.concat([PUBLIC_PREFIX, publicKeyBytes(key)]);
  const publicKey = createPublicKey({ key: der, format: 'der', type: 'spki' });
  return verify(null, signedText(purpose, body), publicKey, signature);
}

/** Every signed text begins with its purpose and version, on a line of its own. */
function signedText(purpose: Purpose, body: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`skyminer/${purpose}/v1\n`), body]);
}

function shorten(text: string): string {
  return text.length <= 70 ? text : `${text.slice(0, 67)}...`;
}
