import { randomBytes } from 'node:crypto';
import type { Identity, PublicKey } from '../../net/keys.ts';
import { ReplayWindow } from '../../net/replay-window.ts';
import type { Session } from '../../net/session/session.ts';
import { nextEpoch, OpenerHandshake, ResponderHandshake } from './handshake.ts';
import { Keyring, type RekeyLimits } from './keyring.ts';
import { type Head, LOST, MessageType, type SealedType, type Step } from './messages.ts';

export interface SealsOptions {
  identity: Identity;
  /** Who must be at the other end. */
  peer: PublicKey;
  /** This end began the circuit. */
  opener: boolean;
  rekey: RekeyLimits;
  /** Sends on the path with this number, or on all where none is given. */
  send(path: number | undefined, message: readonly Buffer[]): void;
  /** There are keys, or new ones. */
  keyed(first: boolean): void;
  /** The other end has lost what was under way. */
  startedAnew(): void;
  /** A handshake failed; another one follows. */
  problem(message: string): void;
}

const repeatMs = 1_000;
/** Milliseconds since the other end has shown that it has the keys, in which it cannot have lost them. */
const trustMs = 2_000;
/** Milliseconds in which message 3 is sent again, whatever the other end says, before another handshake is begun. */
const confirmMs = 5_000;

/**
 * What seals and opens the messages of a circuit: its handshakes and their keys. Times are milliseconds of a clock that
 * only goes forward.
 */
export class Seals {
  readonly #options: SealsOptions;
  readonly #keys = new Keyring();
  readonly #openers: OpenerHandshake | undefined;
  readonly #responders: ResponderHandshake | undefined;
  readonly #notes = new ReplayWindow();
  #nextNote = 0;
  /** Random bytes of the other end, of its first handshake. */
  #remoteInstance: Buffer | undefined;
  /** When something new came of the other end. */
  #heardAt = Number.NEGATIVE_INFINITY;
  #lostAt = Number.NEGATIVE_INFINITY;
  #repeatedAt = Number.NEGATIVE_INFINITY;

  constructor(options: SealsOptions) {
    const { identity, peer, opener, send, problem } = options;
    this.#options = options;
    const handshake = {
      ...{ identity, peer, instance: randomBytes(8), send },
      done: (epoch: number, session: Session) => this.#keyed(epoch, session),
      failed: (reason: string) => problem(`handshake with ${peer}: ${reason}`),
    };
    if (opener) this.#openers = new OpenerHandshake(handshake);
    else this.#responders = new ResponderHandshake(handshake);
  }

  /** Whether anything can be sealed. */
  get ready(): boolean {
    return this.#keys.ready;
  }

  /** Counts the keys, modulo 256. */
  get epoch(): number {
    return this.#keys.epoch;
  }

  /** There is a new path, on which the other end may be reached. */
  pathAdded(): void {
    if (this.#openers && !this.#keys.ready) this.#openers.begin(0);
    this.#openers?.repeat();
  }

  /** @param number one that no record had before */
  sealRecord(number: number, plaintext: readonly Buffer[]): Buffer[] {
    return this.#keys.seal(MessageType.record, number, plaintext);
  }

  sealNote(plaintext: readonly Buffer[]): Buffer[] {
    return this.#keys.seal(MessageType.note, this.#nextNote++, plaintext);
  }

  /**
   * @param head of a record that has not come before
   * @param path on which it came
   * @returns undefined when there are no keys for it. @throws {ForgedRecord}
   */
  openRecord(head: Head, message: Buffer, path: number, now: number): Buffer | undefined {
    const plaintext = this.#open(MessageType.record, head, message, path, now);
    if (plaintext !== undefined) this.#heardAt = now;
    return plaintext;
  }

  /** The same of a note; undefined also for one that has come before. @throws {ForgedRecord} */
  openNote(head: Head, message: Buffer, path: number, now: number): Buffer | undefined {
    const plaintext = this.#open(MessageType.note, head, message, path, now);
    if (plaintext === undefined || !this.#notes.accept(head.number)) return undefined;
    this.#heardAt = now;
    return plaintext;
  }

  /** A message of a handshake. */
  receiveStep(step: Step, path: number, now: number): void {
    this.#openers?.receive(step, path);
    this.#responders?.receive(step, path, this.ready ? this.epoch : undefined, now);
  }

  /** The other end says that it has no keys. Nobody can prove it; it leads to no more than a handshake, which proves it. */
  receiveLost(now: number): void {
    if (this.#openers === undefined || !this.ready || this.#openers.running) return;
    if (now - this.#repeatedAt < repeatMs || now - this.#heardAt < trustMs) return;
    this.#repeatedAt = now;
    const mayComeYet = !this.#keys.confirmed && now - this.#keys.since < confirmMs;
    if (mayComeYet) this.#openers.repeat();
    else this.#openers.begin(nextEpoch(this.epoch));
  }

  /** Repeats what has had no answer, and renews keys that are worn. To be called every second at least. */
  work(now: number): void {
    if (this.#openers === undefined) return;
    if (this.#openers.running || (this.ready && !this.#keys.confirmed)) {
      if (now - this.#repeatedAt < repeatMs) return;
      this.#repeatedAt = now;
      this.#openers.repeat();
    } else if (this.#keys.isWorn(now, this.#options.rekey)) {
      this.#openers.begin(nextEpoch(this.epoch));
    }
  }

  #keyed(epoch: number, session: Session): void {
    const first = !this.ready;
    if (this.#remoteInstance && !this.#remoteInstance.equals(session.payload)) {
      this.#options.startedAnew();
      return;
    }
    this.#remoteInstance = Buffer.from(session.payload);
    // Whoever has got message 3 knows that the other end has the keys.
    this.#keys.add(epoch, session, !this.#options.opener, performance.now());
    this.#options.keyed(first);
  }

  #open(type: SealedType, head: Head, message: Buffer, path: number, now: number): Buffer | undefined {
    const plaintext = this.#keys.open(type, head, message);
    if (plaintext !== undefined || this.#responders?.expects(head.epoch, now)) return plaintext;
    if (now - this.#lostAt >= repeatMs) {
      this.#lostAt = now;
      this.#options.send(path, [LOST]);
    }
    return undefined;
  }
}
