import type { PublicKey } from '../keys.ts';
import type { CipherState } from '../noise/state.ts';
import { type Session, SessionInitiator, type SessionOptions, SessionResponder } from '../session/session.ts';
import { BadFrame } from './frames.ts';

/** When keys have to be renewed. */
export interface RekeyLimits {
  /** Age of the keys. Default an hour. */
  seconds: number;
  /** Bytes of payload in one direction. Default 64 GiB. */
  bytes: number;
  /** How long a renewal may take, in seconds. Default a minute: it waits behind everything else that is sent. */
  timeoutSeconds: number;
}

export const defaultRekeyLimits: RekeyLimits = { seconds: 3600, bytes: 64 * 2 ** 30, timeoutSeconds: 60 };

/** What a renewal does to its link. */
export interface Rekeyed {
  /** Sends a REKEY frame. */
  sendMessage(payload: Buffer): void;
  /** Sends SWITCH, and what follows with this cipher. */
  switchSending(cipher: CipherState): void;
  /** SWITCH has come: what follows is opened with this cipher. */
  switchReceiving(cipher: CipherState): void;
}

const lengthBytes = 2;

/**
 * Renews the keys of a link while it is in use (section 2.2 of `docs/protocol.md`): the end with the smaller identity key
 * starts a handshake within the link, and each direction goes over to the new cipher with a SWITCH.
 *
 * INVARIANT: one renewal at a time; it is over when SWITCH has been sent and received.
 */
export class Rekeying {
  readonly #options: SessionOptions;
  readonly #remote: PublicKey;
  readonly #limits: RekeyLimits;
  readonly #link: Rekeyed;
  #initiator: SessionInitiator | undefined;
  #responder: SessionResponder | undefined;
  /** Its SWITCH was sent, and has not come yet. */
  #next: CipherState | undefined;
  #renewedAt = performance.now();
  #startedAt = 0;
  /** Bytes up to the last renewal. */
  #before = { sent: 0, received: 0 };

  constructor(session: Session, limits: Partial<RekeyLimits>, link: Rekeyed) {
    this.#options = session.renewal;
    this.#remote = session.remote;
    this.#limits = { ...defaultRekeyLimits, ...limits };
    this.#link = link;
  }

  /** Starts a renewal when it is time. `bytes`: of payload since the link began. @throws {BadFrame} */
  tick(bytes: { sent: number; received: number }): void {
    const { seconds, timeoutSeconds } = this.#limits;
    const now = performance.now();
    if (this.#renewing) {
      if (now - this.#startedAt > timeoutSeconds * 1000)
        throw new BadFrame(`nothing that ends the renewal of keys within ${timeoutSeconds} s`);
      return;
    }
    if (!this.#starts) return;
    const most = Math.max(bytes.sent - this.#before.sent, bytes.received - this.#before.received);
    if (now - this.#renewedAt < seconds * 1000 && most < this.#limits.bytes) return;
    this.#before = { ...bytes };
    this.#renewedAt = now;
    this.#startedAt = now;
    this.#initiator = new SessionInitiator(this.#options);
    this.#send(this.#initiator.first);
  }

  /** Takes the payload of a REKEY frame. @throws {BadFrame | SessionRefused} */
  take(payload: Buffer): void {
    const message = payload.subarray(lengthBytes);
    if (payload.readUInt16BE() !== message.length) throw new BadFrame('a REKEY frame of another length');
    if (this.#initiator !== undefined) {
      const { third, session } = this.#initiator.answer(message);
      this.#initiator = undefined;
      this.#send(third);
      this.#switch(session);
    } else if (this.#responder !== undefined) {
      const session = this.#responder.finish(message);
      this.#responder = undefined;
      this.#switch(session);
    } else {
      if (this.#starts || this.#next !== undefined) throw new BadFrame('a REKEY frame out of turn');
      this.#startedAt = performance.now();
      this.#responder = new SessionResponder(this.#options);
      this.#send(this.#responder.answer(message));
    }
  }

  /** SWITCH has come. @throws {BadFrame} */
  switched(): void {
    if (this.#next === undefined) throw new BadFrame('SWITCH without a handshake');
    this.#link.switchReceiving(this.#next);
    this.#next = undefined;
  }

  get #starts(): boolean {
    return this.#options.identity.publicKey < this.#remote;
  }

  get #renewing(): boolean {
    return this.#initiator !== undefined || this.#responder !== undefined || this.#next !== undefined;
  }

  #switch(session: Session): void {
    this.#next = session.receive;
    this.#link.switchSending(session.send);
  }

  #send(message: Buffer): void {
    const length = Buffer.alloc(lengthBytes);
    length.writeUInt16BE(message.length);
    this.#link.sendMessage(Buffer.concat([length, message]));
  }
}
