import type { Identity, PublicKey } from '../../net/keys.ts';
import {
  type Session,
  SessionInitiator,
  type SessionOptions,
  SessionRefused,
  SessionResponder,
} from '../../net/session/session.ts';
import { encodeStep, type Step } from './messages.ts';

export interface CircuitHandshakeOptions {
  identity: Identity;
  /** Who must be at the other end. */
  peer: PublicKey;
  /** Random bytes of this end, by which the other one knows whether it is still the same. */
  instance: Buffer;
  /** Sends on the path with this number, or on all where none is given. */
  send(path: number | undefined, message: readonly Buffer[]): void;
  /** New keys are there. */
  done(epoch: number, session: Session): void;
  /** A handshake failed; it is tried again where this end has begun it. */
  failed(reason: string): void;
}

/** The opener's part in the handshakes of a circuit: one at a time. */
export class OpenerHandshake {
  readonly #options: CircuitHandshakeOptions;
  #pending: { epoch: number; initiator: SessionInitiator } | undefined;
  /** Of the last one that was completed, for messages 2 that come again. */
  #last: { epoch: number; third: Buffer } | undefined;

  constructor(options: CircuitHandshakeOptions) {
    this.#options = options;
  }

  get running(): boolean {
    return this.#pending !== undefined;
  }

  /** Begins one, unless one runs. */
  begin(epoch: number): void {
    if (this.#pending) return;
    this.#pending = { epoch, initiator: new SessionInitiator(sessionOptions(this.#options)) };
    this.repeat();
  }

  /** Sends message 1, on all paths; message 3 when that is the last that was sent. */
  repeat(): void {
    if (this.#pending) {
      const { epoch, initiator } = this.#pending;
      this.#options.send(undefined, encodeStep({ epoch, step: 1, content: initiator.first }));
    } else if (this.#last) {
      this.#send(undefined, this.#last.epoch, this.#last.third);
    }
  }

  receive({ epoch, step, content }: Step, path: number): void {
    if (step !== 2) return;
    if (this.#pending?.epoch === epoch) this.#answer(content, path);
    else if (this.#last?.epoch === epoch) this.#send(path, epoch, this.#last.third);
  }

  #answer(second: Buffer, path: number): void {
    if (this.#pending === undefined) return;
    const { epoch, initiator } = this.#pending;
    this.#pending = undefined;
    try {
      const { third, session } = initiator.answer(second);
      this.#last = { epoch, third };
      this.#send(path, epoch, third);
      this.#options.done(epoch, session);
    } catch (error) {
      if (!(error instanceof SessionRefused)) throw error;
      this.#pending = { epoch, initiator: new SessionInitiator(sessionOptions(this.#options)) };
      this.#options.failed(error.message);
    }
  }

  #send(path: number | undefined, epoch: number, content: Buffer): void {
    this.#options.send(path, encodeStep({ epoch, step: 3, content }));
  }
}

/** Handshakes that the other end may begin in a second. Each costs a millisecond. */
const maxPerSecond = 4;

/** The part of the end that did not open the circuit. */
export class ResponderHandshake {
  readonly #options: CircuitHandshakeOptions;
  #pending: { epoch: number; first: Buffer; second: Buffer; responder: SessionResponder } | undefined;
  #second = 0;
  #begun = 0;

  constructor(options: CircuitHandshakeOptions) {
    this.#options = options;
  }

  /** Whether keys of this epoch may be there soon: message 3 is on its way. */
  expects(epoch: number): boolean {
    return this.#pending?.epoch === epoch;
  }

  /**
   * @param current epoch of the keys there are; undefined for none: then every epoch will do
   * @param now milliseconds of a clock that only goes forward
   */
  receive({ epoch, step, content }: Step, path: number, current: number | undefined, now: number): void {
    if (step === 1) this.#first(epoch, content, path, current, now);
    else if (step === 3 && this.#pending?.epoch === epoch) this.#finish(content);
  }

  #first(epoch: number, first: Buffer, path: number, current: number | undefined, now: number): void {
    if (this.#pending?.epoch === epoch && this.#pending.first.equals(first)) {
      this.#send(path, epoch, this.#pending.second);
      return;
    }
    const due = current === undefined || isAhead(epoch, current);
    if (!due || !this.#admits(now)) return;
    const responder = new SessionResponder(sessionOptions(this.#options));
    try {
      const second = responder.answer(first);
      this.#pending = { epoch, first: Buffer.from(first), second, responder };
      this.#send(path, epoch, second);
    } catch (error) {
      if (!(error instanceof SessionRefused)) throw error;
      this.#options.failed(error.message);
    }
  }

  #finish(third: Buffer): void {
    if (this.#pending === undefined) return;
    const { epoch, responder } = this.#pending;
    this.#pending = undefined;
    try {
      this.#options.done(epoch, responder.finish(third));
    } catch (error) {
      if (!(error instanceof SessionRefused)) throw error;
      this.#options.failed(error.message);
    }
  }

  #send(path: number, epoch: number, content: Buffer): void {
    this.#options.send(path, encodeStep({ epoch, step: 2, content }));
  }

  #admits(now: number): boolean {
    const second = Math.floor(now / 1000);
    if (second !== this.#second) this.#begun = 0;
    this.#second = second;
    return ++this.#begun <= maxPerSecond;
  }
}

export function nextEpoch(epoch: number): number {
  return (epoch + 1) % EPOCHS;
}

const EPOCHS = 256;

/** A few handshakes may have come to nothing between the keys there are and these. */
function isAhead(epoch: number, current: number): boolean {
  const steps = (epoch - current + EPOCHS) % EPOCHS;
  return steps >= 1 && steps <= 16;
}

function sessionOptions({ identity, peer, instance }: CircuitHandshakeOptions): SessionOptions {
  return { identity, purpose: 'circuit', payload: instance, accept: (key) => key === peer };
}
