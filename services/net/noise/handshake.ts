import type { CipherState } from './state.ts';
import { SymmetricState } from './state.ts';
import { ForgedRecord, type Suite, TAG_BYTES } from './suite.ts';
import { DH_BYTES, type DhKeyPair, dh, dhKeyPair } from './x25519.ts';

/** A Noise message is at most this long (section 3). */
export const MAX_MESSAGE_BYTES = 65_535;

/** Tokens of the pattern XX (section 7.5): who starts sends the first and the third message. */
const XX = [['e'], ['e', 'ee', 's', 'es'], ['s', 'se']] as const;
type Token = (typeof XX)[number][number];

export interface HandshakeOptions {
  suite: Suite;
  initiator: boolean;
  /** What both ends must know alike, or the handshake fails. */
  prologue: Uint8Array;
  /** This end's static key. */
  static: DhKeyPair;
  /** Only for test vectors; otherwise a new one. */
  ephemeral?: DhKeyPair;
}

/** A message that is not the next one of the handshake the other end began. The handshake is over. */
export class HandshakeFailed extends Error {
  override readonly name = 'HandshakeFailed';
}

/**
 * A handshake `Noise_XX_25519_SUITE_SHA256` (the Noise Protocol Framework, revision 34): three messages, after which
 * both ends know each other's static keys. Payloads of the first message are readable by everyone, those of the second
 * and the third are sealed.
 *
 * INVARIANT: messages are written and read in turn; a handshake that has failed once answers nothing any more.
 */
export class Handshake {
  readonly #state: SymmetricState;
  readonly #initiator: boolean;
  readonly #static: DhKeyPair;
  readonly #ephemeral: DhKeyPair;
  #remoteEphemeral: Buffer | undefined;
  #remoteStatic: Buffer | undefined;
  #at = 0;
  #failed = false;

  constructor({ suite, initiator, prologue, static: own, ephemeral = dhKeyPair() }: HandshakeOptions) {
    this.#state = new SymmetricState(`Noise_XX_25519_${suite.name}_SHA256`, suite);
    this.#state.mixHash(prologue);
    this.#initiator = initiator;
    this.#static = own;
    this.#ephemeral = ephemeral;
  }

  /** All three messages have passed. */
  get complete(): boolean {
    return this.#at === XX.length;
  }

  /** The other end's static key, once it has come. */
  get remoteStatic(): Buffer | undefined {
    return this.#remoteStatic;
  }

  /** The same at both ends, and in no other session. */
  get hash(): Buffer {
    return this.#state.handshakeHash;
  }

  /** @returns the next message, with `payload` in it */
  write(payload: Uint8Array): Buffer {
    const parts = this.#turn(true).map((token) => this.#writeToken(token));
    const message = Buffer.concat([...parts, this.#state.encryptAndHash(payload)]);
    if (message.length > MAX_MESSAGE_BYTES) throw new RangeError('the payload is too long for a message');
    return message;
  }

  /** @returns the payload of the other end's next message. @throws {HandshakeFailed} */
  read(message: Uint8Array): Buffer {
    const tokens = this.#turn(false);
    this.#failed = true;
    try {
      if (message.length > MAX_MESSAGE_BYTES) throw new ForgedRecord('longer than a message may be');
      let rest = Buffer.from(message);
      for (const token of tokens) rest = this.#readToken(token, rest);
      const payload = this.#state.decryptAndHash(rest);
      this.#failed = false;
      return payload;
    } catch (cause) {
      throw new HandshakeFailed(`message ${this.#at} of the handshake is not what was expected`, { cause });
    }
  }

  /** The ciphers of the session that follows. */
  split(): { send: CipherState; receive: CipherState } {
    if (!this.complete || this.#failed) throw new HandshakeFailed('the handshake is not complete');
    const [initiators, responders] = this.#state.split();
    return this.#initiator
      ? { send: initiators, receive: responders }
      : { send: responders, receive: initiators };
  }

  /** Takes the next message's turn. */
  #turn(writes: boolean): readonly Token[] {
    const tokens = XX[this.#at];
    const oursToWrite = (this.#at % 2 === 0) === this.#initiator;
    if (this.#failed || tokens === undefined || oursToWrite !== writes)
      throw new HandshakeFailed(`no message to ${writes ? 'write' : 'read'} at this point of the handshake`);
    this.#at++;
    return tokens;
  }

  #writeToken(token: Token): Buffer {
    switch (token) {
      case 'e':
        this.#state.mixHash(this.#ephemeral.publicKey);
        return this.#ephemeral.publicKey;
      case 's':
        return this.#state.encryptAndHash(this.#static.publicKey);
      default:
        this.#state.mixKey(this.#agree(token));
        return Buffer.alloc(0);
    }
  }

  /** @returns what is left of the message */
  #readToken(token: Token, message: Buffer): Buffer<ArrayBuffer> {
    switch (token) {
      case 'e': {
        const [key, rest] = cut(message, DH_BYTES);
        this.#remoteEphemeral = key;
        this.#state.mixHash(key);
        return rest;
      }
      case 's': {
        const [sealed, rest] = cut(message, DH_BYTES + TAG_BYTES);
        this.#remoteStatic = this.#state.decryptAndHash(sealed);
        return rest;
      }
      default:
        this.#state.mixKey(this.#agree(token));
        return Buffer.from(message);
    }
  }

  /** The first letter of a token is the initiator's key, the second the responder's: ephemeral or static. */
  #agree(token: 'ee' | 'es' | 'se'): Buffer {
    const [ours, theirs] = this.#initiator ? [token[0], token[1]] : [token[1], token[0]];
    const remote = theirs === 'e' ? this.#remoteEphemeral : this.#remoteStatic;
    if (remote === undefined) throw new HandshakeFailed('a key is missing');
    return dh(ours === 'e' ? this.#ephemeral : this.#static, remote);
  }
}

function cut(message: Buffer, length: number): [Buffer, Buffer<ArrayBuffer>] {
  if (message.length < length) throw new ForgedRecord('too short');
  return [Buffer.from(message.subarray(0, length)), Buffer.from(message.subarray(length))];
}
