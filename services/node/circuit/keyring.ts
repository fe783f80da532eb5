import { TAG_BYTES } from '../../net/noise/suite.ts';
import type { Session } from '../../net/session/session.ts';
import { encodeHead, HEAD_BYTES, type Head, MessageType, type SealedType } from './messages.ts';

/** Keys are replaced after so many bytes, or so many milliseconds. */
export interface RekeyLimits {
  bytes: number;
  ms: number;
}
export const rekeyLimits: RekeyLimits = { bytes: 64 * 2 ** 30, ms: 3_600_000 };

/** Bytes that a sealed message has beyond its plaintext. */
export const SEAL_BYTES = HEAD_BYTES + TAG_BYTES;

/** Handshakes after which the other end may still seal with the keys that it had before them. */
const maxKept = 8;

interface Keys {
  epoch: number;
  session: Session;
}

/**
 * The keys of a circuit: those with which it seals, and those with which the other end may.
 *
 * INVARIANT: no nonce is used twice with a key, for numbers are never used twice, and a kind has the even or the odd.
 * Nothing is sealed with keys that the other end may never get, but at the very beginning.
 */
export class Keyring {
  /** The newest last. The first are those with which the other end sealed before it had the ones of `#heard`. */
  readonly #kept: Keys[] = [];
  #sealing: Keys | undefined;
  /** The newest ones with which the other end has sealed something. */
  #heard: Keys | undefined;
  #since = 0;
  #bytes = 0;

  get ready(): boolean {
    return this.#sealing !== undefined;
  }

  /** Of the newest keys. */
  get epoch(): number {
    return this.#kept.at(-1)?.epoch ?? 0;
  }

  /** Whether the other end is known to have the newest keys. */
  get confirmed(): boolean {
    return this.ready && this.#heard === this.#kept.at(-1);
  }

  /** When the newest keys came. */
  get since(): number {
    return this.#since;
  }

  /**
   * @param held whether the other end is known to have them
   * @param now milliseconds of a clock that only goes forward
   */
  add(epoch: number, session: Session, held: boolean, now: number): void {
    const keys = { epoch, session };
    this.#kept.push(keys);
    if (this.#kept.length > maxKept) this.#kept.shift();
    if (held || this.#sealing === undefined) this.#sealing = keys;
    this.#since = now;
    this.#bytes = 0;
  }

  /** Whether it is time for new keys. */
  isWorn(now: number, limits: RekeyLimits): boolean {
    return this.ready && (now - this.#since >= limits.ms || this.#bytes >= limits.bytes);
  }

  /** @returns the whole message, in parts; bulk in `plaintext` is not copied */
  seal(type: SealedType, number: number, plaintext: readonly Buffer[]): Buffer[] {
    if (this.#sealing === undefined) throw new Error('there are no keys yet');
    const { epoch, session } = this.#sealing;
    const head = encodeHead(type, epoch, number);
    const parts = session.send.aead.sealParts(nonceOf(type, number), head, plaintext);
    for (const part of plaintext) this.#bytes += part.length;
    parts.unshift(head);
    return parts;
  }

  /** @returns undefined when there are no keys of its epoch. @throws {ForgedRecord} */
  open(type: SealedType, { epoch, number }: Head, message: Buffer): Buffer | undefined {
    const keys =
      this.#heard?.epoch === epoch ? this.#heard : this.#kept.findLast((each) => each.epoch === epoch);
    if (keys === undefined) return undefined;
    const head = message.subarray(0, HEAD_BYTES);
    const { aead } = keys.session.receive;
    const plaintext = aead.open(nonceOf(type, number), head, message.subarray(HEAD_BYTES));
    this.#bytes += plaintext.length;
    if (keys !== this.#heard) this.#hear(keys);
    return plaintext;
  }

  /** The other end has sealed something with these. */
  #hear(keys: Keys): void {
    const at = this.#kept.indexOf(keys);
    const before = this.#heard && this.#kept.indexOf(this.#heard);
    if (before !== undefined && at < before) return;
    this.#heard = keys;
    if (this.#sealing === undefined || this.#kept.indexOf(this.#sealing) < at) this.#sealing = keys;
    // What was sealed with those before may still be under way.
    if (before !== undefined && before > 0) this.#kept.splice(0, before);
  }
}

function nonceOf(type: SealedType, number: number): number {
  return 2 * number + (type === MessageType.note ? 1 : 0);
}
