import {
  type CipherGCM,
  type CipherGCMTypes,
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  type DecipherGCM,
  type KeyObject,
} from 'node:crypto';

/** Bytes of an authentication tag, of either cipher. */
export const TAG_BYTES = 16;
/** Bytes of a key of either cipher. */
export const KEY_BYTES = 32;

/** What is authenticated without being encrypted, in one piece or in several that count as one. */
export type Additional = Uint8Array | readonly Uint8Array[];

/** An authenticated cipher of the Noise specification (revision 34, section 12), with a 96-bit nonce. */
export interface Aead {
  /**
   * Seals `plaintext` into a new buffer: ciphertext, then the tag. `nonce` is a counter up to 2^53 − 1; one that was
   * used before with the same key betrays both plaintexts, so the caller counts.
   */
  seal(nonce: number, additional: Additional, plaintext: Uint8Array): Buffer;
  /** The same of a plaintext in pieces, and in pieces: bulk is encrypted once and copied never. */
  sealParts(nonce: number, additional: Additional, plaintext: readonly Uint8Array[]): Buffer[];
  /** @returns the plaintext in a new buffer. @throws {ForgedRecord} when it is not what the other end sealed */
  open(nonce: number, additional: Additional, sealed: Uint8Array): Buffer;
}

/** The cipher and with it the name of a suite: `Noise_XX_25519_…_SHA256`. */
export interface Suite {
  /** As in the protocol's name. */
  readonly name: 'AESGCM' | 'ChaChaPoly';
  aead(key: Uint8Array): Aead;
}

/** Bytes that are not what was sealed: changed, sealed with another key or nonce, or no record at all. */
export class ForgedRecord extends Error {
  override readonly name = 'ForgedRecord';
}

export const AESGCM: Suite = {
  name: 'AESGCM',
  aead: (key) => makeAead('aes-256-gcm', key, writeBigEndian),
};

export const ChaChaPoly: Suite = {
  name: 'ChaChaPoly',
  aead: (key) => makeAead('chacha20-poly1305', key, writeLittleEndian),
};

/** As OpenSSL calls it. */
export type Cipher = 'aes-256-gcm' | 'chacha20-poly1305';

type WriteNonce = (into: Buffer, nonce: number) => void;
type MakeAead = (cipher: Cipher, key: Uint8Array, writeNonce: WriteNonce) => Aead;

let makeAead: MakeAead = (cipher, key, writeNonce) => new NodeAead(cipher, key, writeNonce);

/** Has others work in the place of node:crypto from here on. */
export function useAeads(make: MakeAead): void {
  makeAead = make;
}

class NodeAead implements Aead {
  readonly #algorithm: Cipher;
  /** Not the bytes: importing them costs more than sealing 64 KiB. */
  readonly #key: KeyObject;
  readonly #nonce = Buffer.alloc(12);
  readonly #writeNonce: WriteNonce;

  constructor(algorithm: Cipher, key: Uint8Array, writeNonce: WriteNonce) {
    if (key.length !== KEY_BYTES) throw new RangeError(`a key has ${KEY_BYTES} bytes, not ${key.length}`);
    this.#algorithm = algorithm;
    this.#key = createSecretKey(key);
    this.#writeNonce = writeNonce;
  }

  seal(nonce: number, additional: Additional, plaintext: Uint8Array): Buffer {
    return Buffer.concat(this.sealParts(nonce, additional, [plaintext]));
  }

  sealParts(nonce: number, additional: Additional, plaintext: readonly Uint8Array[]): Buffer[] {
    const cipher = createCipheriv(this.#algorithm as CipherGCMTypes, this.#key, this.#at(nonce), {
      authTagLength: TAG_BYTES,
    });
    authenticate(cipher, additional);
    const sealed: Buffer[] = plaintext.map((part) => cipher.update(part));
    cipher.final();
    sealed.push(cipher.getAuthTag());
    return sealed;
  }

  open(nonce: number, additional: Additional, sealed: Uint8Array): Buffer {
    const length = sealed.length - TAG_BYTES;
    if (length < 0) throw new ForgedRecord(`${sealed.length} bytes are too few for a tag`);
    const decipher = createDecipheriv(this.#algorithm as CipherGCMTypes, this.#key, this.#at(nonce), {
      authTagLength: TAG_BYTES,
    });
    decipher.setAuthTag(sealed.subarray(length));
    authenticate(decipher, additional);
    const plaintext = decipher.update(sealed.subarray(0, length));
    try {
      decipher.final();
    } catch (cause) {
      throw new ForgedRecord('the tag does not fit', { cause });
    }
    return plaintext;
  }

  #at(nonce: number): Buffer {
    if (!Number.isSafeInteger(nonce) || nonce < 0) throw new RangeError(`${nonce} is no nonce`);
    this.#writeNonce(this.#nonce, nonce);
    return this.#nonce;
  }
}

function authenticate(cipher: CipherGCM | DecipherGCM, additional: Additional): void {
  if (additional instanceof Uint8Array) cipher.setAAD(additional);
  else for (const part of additional) cipher.setAAD(part);
}

/** Four zero bytes, then the counter as 64 bits, the greatest byte first (section 12.4). */
function writeBigEndian(into: Buffer, nonce: number): void {
  into.writeUInt32BE(Math.floor(nonce / 2 ** 32), 4);
  into.writeUInt32BE(nonce >>> 0, 8);
}

/** Four zero bytes, then the counter as 64 bits, the least byte first (section 12.3). */
function writeLittleEndian(into: Buffer, nonce: number): void {
  into.writeUInt32LE(nonce >>> 0, 4);
  into.writeUInt32LE(Math.floor(nonce / 2 ** 32), 8);
}
