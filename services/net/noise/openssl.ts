/**
 * The ciphers of OpenSSL as they are in Node.js itself, called without node:crypto: that makes a cipher anew for each message,
 * with its key and in memory of its own, which costs more than sealing it.
 */
import {
  type Additional,
  type Aead,
  type Cipher,
  ForgedRecord,
  KEY_BYTES,
  TAG_BYTES,
  useAeads,
} from './suite.ts';

/** An object of OpenSSL's. */
type Pointer = bigint;

/** Functions of OpenSSL's EVP interface; 1 is success. */
interface Evp {
  newContext(): Pointer;
  freeContext(context: Pointer): void;
  ciphers: Record<Cipher, Pointer>;
  begin: Record<
    Direction,
    (
      context: Pointer,
      cipher: Pointer | null,
      engine: null,
      key: Uint8Array | null,
      nonce: Uint8Array,
    ) => number
  >;
  /** Without `output`, `input` is additional data. */
  update: Record<
    Direction,
    (
      context: Pointer,
      output: Uint8Array | null,
      length: Uint8Array,
      input: Uint8Array,
      inputLength: number,
    ) => number
  >;
  end: Record<Direction, (context: Pointer, output: Uint8Array, length: Uint8Array) => number>;
  control(context: Pointer, what: number, length: number, argument: Uint8Array): number;
}

type Direction = 'seal' | 'open';

const GET_TAG = 0x10;
const SET_TAG = 0x11;

/**
 * Has all ciphers that are made from here on work like this.
 * @returns false where Node.js does not offer OpenSSL's functions, or koffi cannot be loaded: they work as before then
 */
export async function useOpenSsl(): Promise<boolean> {
  const evp = await loadEvp();
  if (evp === undefined) return false;
  const contexts = new FinalizationRegistry<Pointer>((context) => evp.freeContext(context));
  useAeads((cipher, key, writeNonce) => new OpenSslAead(evp, contexts, cipher, key, writeNonce));
  return true;
}

async function loadEvp(): Promise<Evp | undefined> {
  try {
    const { default: koffi } = await import('koffi');
    const self = koffi.load(null);
    const both = (seal: string, open: string, parameters: string[]) => ({
      seal: self.func(seal, 'int', parameters),
      open: self.func(open, 'int', parameters),
    });
    const begin = ['void *', 'void *', 'void *', 'void *', 'void *'];
    const update = ['void *', 'void *', 'void *', 'void *', 'int'];
    return {
      newContext: self.func('EVP_CIPHER_CTX_new', 'void *', []),
      freeContext: self.func('EVP_CIPHER_CTX_free', 'void', ['void *']),
      ciphers: {
        'aes-256-gcm': self.func('EVP_aes_256_gcm', 'void *', [])(),
        'chacha20-poly1305': self.func('EVP_chacha20_poly1305', 'void *', [])(),
      },
      begin: both('EVP_EncryptInit_ex', 'EVP_DecryptInit_ex', begin),
      update: both('EVP_EncryptUpdate', 'EVP_DecryptUpdate', update),
      end: both('EVP_EncryptFinal_ex', 'EVP_DecryptFinal_ex', ['void *', 'void *', 'void *']),
      control: self.func('EVP_CIPHER_CTX_ctrl', 'int', ['void *', 'int', 'int', 'void *']),
    };
  } catch {
    // No koffi for this platform, or a Node.js that keeps OpenSSL to itself: node:crypto does the same.
    return undefined;
  }
}

class OpenSslAead implements Aead {
  readonly #evp: Evp;
  readonly #contexts: FinalizationRegistry<Pointer>;
  readonly #cipher: Pointer;
  readonly #writeNonce: (into: Buffer, nonce: number) => void;
  readonly #key: Buffer;
  readonly #nonce = Buffer.alloc(12);
  readonly #length = Buffer.alloc(4);
  readonly #ready: Partial<Record<Direction, Pointer>> = {};

  constructor(
    evp: Evp,
    contexts: FinalizationRegistry<Pointer>,
    cipher: Cipher,
    key: Uint8Array,
    writeNonce: (into: Buffer, nonce: number) => void,
  ) {
    if (key.length !== KEY_BYTES) throw new RangeError(`a key has ${KEY_BYTES} bytes, not ${key.length}`);
    this.#evp = evp;
    this.#contexts = contexts;
    this.#cipher = evp.ciphers[cipher];
    this.#key = Buffer.from(key);
    this.#writeNonce = writeNonce;
  }

  seal(nonce: number, additional: Additional, plaintext: Uint8Array): Buffer {
    return this.#seal(nonce, additional, [plaintext], plaintext.length);
  }

  sealParts(nonce: number, additional: Additional, plaintext: readonly Uint8Array[]): Buffer[] {
    let bytes = 0;
    for (const part of plaintext) bytes += part.length;
    return [this.#seal(nonce, additional, plaintext, bytes)];
  }

  open(nonce: number, additional: Additional, sealed: Uint8Array): Buffer {
    const bytes = sealed.length - TAG_BYTES;
    if (bytes < 0) throw new ForgedRecord(`${sealed.length} bytes are too few for a tag`);
    const context = this.#begin('open', nonce, additional);
    const plaintext = Buffer.allocUnsafe(bytes);
    this.#update('open', context, plaintext, sealed.subarray(0, bytes));
    check(this.#evp.control(context, SET_TAG, TAG_BYTES, sealed.subarray(bytes)));
    if (this.#evp.end.open(context, plaintext, this.#length) !== 1) {
      // Nobody may see what nobody has sealed.
      plaintext.fill(0);
      throw new ForgedRecord('the tag does not fit');
    }
    return plaintext;
  }

  #seal(nonce: number, additional: Additional, plaintext: readonly Uint8Array[], bytes: number): Buffer {
    const context = this.#begin('seal', nonce, additional);
    const sealed = Buffer.allocUnsafe(bytes + TAG_BYTES);
    let at = 0;
    for (const part of plaintext) {
      this.#update('seal', context, sealed.subarray(at, at + part.length), part);
      at += part.length;
    }
    const tag = sealed.subarray(bytes);
    check(this.#evp.end.seal(context, tag, this.#length));
    check(this.#evp.control(context, GET_TAG, TAG_BYTES, tag));
    return sealed;
  }

  #begin(direction: Direction, nonce: number, additional: Additional): Pointer {
    if (!Number.isSafeInteger(nonce) || nonce < 0) throw new RangeError(`${nonce} is no nonce`);
    this.#writeNonce(this.#nonce, nonce);
    const context = this.#ready[direction] ?? this.#make(direction);
    check(this.#evp.begin[direction](context, null, null, null, this.#nonce));
    if (additional instanceof Uint8Array) this.#update(direction, context, null, additional);
    else for (const part of additional) this.#update(direction, context, null, part);
    return context;
  }

  #make(direction: Direction): Pointer {
    const context = this.#evp.newContext();
    if (context === 0n) throw new Error('OpenSSL has no memory');
    this.#contexts.register(this, context);
    check(this.#evp.begin[direction](context, this.#cipher, null, this.#key, this.#nonce));
    this.#ready[direction] = context;
    return context;
  }

  /** INVARIANT: `output` has the length of `input`, which is what both ciphers write. */
  #update(direction: Direction, context: Pointer, output: Uint8Array | null, input: Uint8Array): void {
    if (input.length > 0)
      check(this.#evp.update[direction](context, output, this.#length, input, input.length));
  }
}

function check(result: number): void {
  if (result !== 1) throw new Error('OpenSSL has refused a step of a cipher');
}
