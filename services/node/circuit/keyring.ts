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

/**
 * The keys of a circuit: the newest, with which it seals, and those before, for what is still under way.
 *
 * INVARIANT: no nonce is used twice with a key, for numbers are never used twice, and a kind has the even or the odd.
 */
export class Keyring {
  #epoch = 0;
  #session: Session | undefined;
  #since = 0;
  #sealed = 0;
  #before: { epoch: number; session: Session } | undefined;

  get ready(): boolean {
    return this.#session !== undefined;
  }

  /** Of the newest keys. */
  get epoch(): number {
    return this.#epoch;
  }

  /** @param now milliseconds of a clock that only goes forward */
  add(epoch: number, session: Session, now: number): void {
    if (this.#session) this.#before = { epoch: this.#epoch, session: this.#session };
    this.#epoch = epoch;
    this.#session = session;
    this.#since = now;
    this.#sealed = 0;
  }

  /** Whether it is time for new keys. */
  isWorn(now: number, limits: RekeyLimits): boolean {
    return this.ready && (now - this.#since >= limits.ms || this.#sealed >= limits.bytes);
  }

  /** @returns the whole message, in parts; bulk in `plaintext` is not copied */
  seal(type: SealedType, number: number, plaintext: readonly Buffer[]): Buffer[] {
    if (this.#session === undefined) throw new Error('there are no keys yet');
    const head = encodeHead(type, this.#epoch, number);
    const parts = this.#session.send.aead.sealParts(nonceOf(type, number), head, plaintext);
    for (const part of plaintext) this.#sealed += part.length;
    parts.unshift(head);
    return parts;
  }

  /** @returns undefined when there are no keys of its epoch. @throws {ForgedRecord} */
  open(type: SealedType, { epoch, number }: Head, message: Buffer): Buffer | undefined {
    const session = this.#of(epoch);
    const head = message.subarray(0, HEAD_BYTES);
    return session?.receive.aead.open(nonceOf(type, number), head, message.subarray(HEAD_BYTES));
  }

  #of(epoch: number): Session | undefined {
    if (epoch === this.#epoch) return this.#session;
    return this.#before?.epoch === epoch ? this.#before.session : undefined;
  }
}

function nonceOf(type: SealedType, number: number): number {
  return 2 * number + (type === MessageType.note ? 1 : 0);
}
