import type { Identity, PublicKey } from '../../net/keys.ts';
import {
  freshInputs,
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

/**
 * The opener's part in the handshakes of a circuit: one at a time.
 *
 * INVARIANT: a message that is refused changes nothing. A relay may have made it up, and the true one comes on another path.
 */
export class OpenerHandshake {
  readonly #options: CircuitHandshakeOptions;
  #pending: { epoch: number; options: SessionOptions; initiator: SessionInitiator } | undefined;
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
    const options = sessionOptions(this.#options);
    this.#pending = { epoch, options, initiator: new SessionInitiator(options) };
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
    const pending = this.#pending;
    if (pending === undefined) return;
    const { epoch, options } = pending;
    try {
      const { third, session } = pending.initiator.answer(second);
      this.#pending = undefined;
      this.#last = { epoch, third };
      this.#send(path, epoch, third);
      this.#options.done(epoch, session);
    } catch (error) {
      if (!(error instanceof SessionRefused)) throw error;
      pending.initiator = new SessionInitiator(options);
      this.#options.failed(error.message);
    }
  }

  #send(path: number | undefined, epoch: number, content: Buffer): void {
    this.#options.send(path, encodeStep({ epoch, step: 3, content }));
  }
}

/** Messages 1 and 3 that are looked at in a second, of each path. Each costs a millisecond. */
const maxPerSecond = 4;
/** Milliseconds that message 3 may take to follow message 2. */
const patienceMs = 1_000;

interface Pending {
  epoch: number;
  first: Buffer;
  second: Buffer;
  options: SessionOptions;
  responder: SessionResponder;
  /** When message 2 was sent last. */
  at: number;
}

/**
 * The part of the end that did not open the circuit.
 *
 * INVARIANT: what comes on one path does not disturb the handshake on another one, and a message that is refused changes
 * nothing: a relay may have made it up.
 */
export class ResponderHandshake {
  readonly #options: CircuitHandshakeOptions;
  /** By the path on which message 1 came last; the same on several paths is one. */
  readonly #pending = new Map<number, Pending>();
  /** Messages looked at in this second, by path. */
  readonly #looked = new Map<number, number>();
  #second = 0;

  constructor(options: CircuitHandshakeOptions) {
    this.#options = options;
  }

  /** Whether keys of this epoch may be there soon: message 3 is on its way. */
  expects(epoch: number, now: number): boolean {
    return this.#of(epoch).some(({ at }) => now - at < patienceMs);
  }

  /**
   * @param current epoch of the keys there are; undefined for none: then every epoch will do
   * @param now milliseconds of a clock that only goes forward
   */
  receive({ epoch, step, content }: Step, path: number, current: number | undefined, now: number): void {
    if (step === 1) this.#first(epoch, content, path, current, now);
    else if (step === 3) this.#third(epoch, content, path, now);
  }

  #of(epoch: number): Pending[] {
    return [...new Set(this.#pending.values())].filter((pending) => pending.epoch === epoch);
  }

  #first(epoch: number, first: Buffer, path: number, current: number | undefined, now: number): void {
    const known = this.#of(epoch).find((pending) => pending.first.equals(first));
    if (known) {
      this.#answer(known, path, now);
      return;
    }
    const due = current === undefined || isAhead(epoch, current);
    if (!due || !this.#looksAt(path, now)) return;
    const options = sessionOptions(this.#options);
    this.#refusing(() => {
      const responder = new SessionResponder(options);
      const second = responder.answer(first);
      this.#answer({ epoch, first: Buffer.from(first), second, options, responder, at: now }, path, now);
    });
  }

  #answer(pending: Pending, path: number, now: number): void {
    pending.at = now;
    this.#pending.set(path, pending);
    this.#options.send(path, encodeStep({ epoch: pending.epoch, step: 2, content: pending.second }));
  }

  #third(epoch: number, third: Buffer, path: number, now: number): void {
    for (const pending of this.#of(epoch)) {
      if (!this.#looksAt(path, now)) return;
      const session = this.#refusing(() => pending.responder.finish(third));
      if (session) {
        this.#pending.clear();
        this.#options.done(epoch, session);
        return;
      }
      pending.responder = new SessionResponder(pending.options);
      pending.responder.answer(pending.first);
    }
  }

  #refusing<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof SessionRefused)) throw error;
      this.#options.failed(error.message);
      return undefined;
    }
  }

  #looksAt(path: number, now: number): boolean {
    const second = Math.floor(now / 1000);
    if (second !== this.#second) this.#looked.clear();
    this.#second = second;
    const looked = (this.#looked.get(path) ?? 0) + 1;
    this.#looked.set(path, looked);
    return looked <= maxPerSecond;
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

/** Of one handshake: an initiator or responder that is made again with the same says the same. */
function sessionOptions({ identity, peer, instance }: CircuitHandshakeOptions): SessionOptions {
  const accept = (key: PublicKey) => key === peer;
  return { identity, purpose: 'circuit', payload: instance, fixed: freshInputs(), accept };
}
