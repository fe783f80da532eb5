import { createHash, createHmac } from 'node:crypto';
import type { Additional, Aead, Suite } from './suite.ts';

const HASH_BYTES = 32;
/** Nonces are JavaScript numbers here; a session ends long before. */
const MAX_NONCE = Number.MAX_SAFE_INTEGER;
const NOTHING = Buffer.alloc(0);

/** A key and the count of what was sealed or opened with it (CipherState, section 5.1). */
export class CipherState {
  readonly aead: Aead;
  /** The next nonce. */
  nonce = 0;

  constructor(aead: Aead) {
    this.aead = aead;
  }

  seal(additional: Additional, plaintext: Uint8Array): Buffer {
    return this.aead.seal(this.#next(), additional, plaintext);
  }

  /** @throws {ForgedRecord} and stays where it was */
  open(additional: Additional, sealed: Uint8Array): Buffer {
    const plaintext = this.aead.open(this.nonce, additional, sealed);
    this.#next();
    return plaintext;
  }

  #next(): number {
    if (this.nonce >= MAX_NONCE) throw new RangeError('the nonces of this key are used up');
    return this.nonce++;
  }
}

/** The running hash and key of a handshake (SymmetricState, section 5.2). */
export class SymmetricState {
  readonly #suite: Suite;
  #chainingKey: Buffer;
  #hash: Buffer;
  #cipher: CipherState | undefined;

  constructor(protocolName: string, suite: Suite) {
    const name = Buffer.from(protocolName);
    this.#hash = name.length <= HASH_BYTES ? Buffer.concat([name], HASH_BYTES) : sha256(name);
    this.#chainingKey = this.#hash;
    this.#suite = suite;
  }

  /** Identifies the session: both ends have the same. */
  get handshakeHash(): Buffer {
    return this.#hash;
  }

  mixHash(data: Uint8Array): void {
    this.#hash = sha256(this.#hash, data);
  }

  mixKey(input: Uint8Array): void {
    const [chainingKey, key] = hkdf(this.#chainingKey, input);
    this.#chainingKey = chainingKey;
    this.#cipher = new CipherState(this.#suite.aead(key));
  }

  encryptAndHash(plaintext: Uint8Array): Buffer {
    const text = this.#cipher?.seal(this.#hash, plaintext) ?? Buffer.from(plaintext);
    this.mixHash(text);
    return text;
  }

  /** @throws {ForgedRecord} */
  decryptAndHash(text: Uint8Array): Buffer {
    const plaintext = this.#cipher?.open(this.#hash, text) ?? Buffer.from(text);
    this.mixHash(text);
    return plaintext;
  }

  /** The initiator's cipher and the responder's. */
  split(): [CipherState, CipherState] {
    const [first, second] = hkdf(this.#chainingKey, NOTHING);
    return [new CipherState(this.#suite.aead(first)), new CipherState(this.#suite.aead(second))];
  }
}

/** Two outputs of HKDF as in section 4.3. */
function hkdf(chainingKey: Uint8Array, input: Uint8Array): [Buffer, Buffer] {
  const temporary = hmac(chainingKey, input);
  const first = hmac(temporary, Buffer.of(1));
  return [first, hmac(temporary, first, Buffer.of(2))];
}

function hmac(key: Uint8Array, ...data: Uint8Array[]): Buffer {
  const mac = createHmac('sha256', key);
  for (const part of data) mac.update(part);
  return mac.digest();
}

function sha256(...data: Uint8Array[]): Buffer {
  const hash = createHash('sha256');
  for (const part of data) hash.update(part);
  return hash.digest();
}
