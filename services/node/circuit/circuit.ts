import { EventEmitter } from 'node:events';
import type { EndRule } from '../../net/control/rules.ts';
import type { Identity, PublicKey } from '../../net/keys.ts';
import { ForgedRecord } from '../../net/noise/suite.ts';
import { type RekeyLimits, rekeyLimits, SEAL_BYTES } from './keyring.ts';
import {
  CircuitViolation,
  encodeAck,
  encodeClose,
  encodeDatagrams,
  encodeProbe,
  type Head,
  MessageType,
  readHead,
  readNote,
  readStep,
} from './messages.ts';
import type { Path } from './path.ts';
import { type PathCarrier, PathOutput } from './path-output.ts';
import { PathSet } from './path-set.ts';
import { Receiver } from './receiver.ts';
import { Seals } from './seals.ts';
import { Sender } from './sender.ts';

export interface CircuitOptions {
  /** 32 hex digits. */
  id: string;
  peer: PublicKey;
  opener: boolean;
  identity: Identity;
  carrier: PathCarrier;
  rekey?: RekeyLimits;
}

export interface CircuitEvents {
  /** Keys are there: something can be sent. Once. */
  ready: [];
  /** A record of the other end: in order, each once. */
  record: [plaintext: Buffer];
  datagrams: [channel: number, payloads: Buffer[]];
  /** Records can be sent (again). */
  writable: [];
  /** Another path is in use than before. */
  moved: [path: number, why: string];
  /** Something is wrong that the circuit copes with. */
  problem: [message: string];
  closed: [reason: string];
}

/** Milliseconds between looks at probes and acknowledgements while some are awaited. */
const watchMs = 25;
const idleMs = 1_000;
/** An acknowledgement is sent at the latest so many milliseconds after a record. */
const ackMs = 5;
/** Milliseconds without any path after which a circuit is given up. */
const giveUpMs = 120_000;
/** The same without an acknowledgement: a path has been there for half of them, so what was sent cannot be opened. */
const stalledMs = 2 * giveUpMs;
/** Plaintext of a record that is certain to be taken, bytes. */
export const maxRecordBytes = 196_700;

/**
 * A circuit from end to end: a session between two nodes over paths of which one is in use and another one warm.
 *
 * INVARIANT: records come out at the other end in the order in which they went in, each once, whatever happens to the
 * paths; where that cannot be kept, the circuit is over.
 */
export class Circuit extends EventEmitter<CircuitEvents> {
  readonly id: string;
  readonly peer: PublicKey;
  readonly opener: boolean;
  readonly since = Date.now();
  /** Whether it carries anything: its paths are watched closely then. */
  active = false;
  readonly #carrier: PathCarrier;
  readonly #seals: Seals;
  readonly #output: PathOutput;
  readonly #paths = new PathSet(performance.now());
  readonly #sender = new Sender();
  readonly #receiver = new Receiver();
  #watch: NodeJS.Timeout | undefined;
  #watchMs = 0;
  #ackTimer: NodeJS.Timeout | undefined;
  /** Number of the path that was taken into use last. */
  #used: number | undefined;
  #over = false;

  constructor({ id, peer, opener, identity, carrier, rekey = rekeyLimits }: CircuitOptions) {
    super();
    this.id = id;
    this.peer = peer;
    this.opener = opener;
    this.#carrier = carrier;
    this.#seals = new Seals({
      ...{ identity, peer, opener, rekey },
      send: (path, message) => this.#sendPlain(path, message),
      keyed: (first) => this.#keyed(first),
      startedAnew: () => this.#end('the other end was started anew'),
      problem: (message) => this.emit('problem', message),
    });
    this.#output = new PathOutput(carrier, this.#paths, this.#seals, this.#sender);
    this.#schedule(idleMs);
  }

  get isReady(): boolean {
    return this.#seals.ready;
  }

  /** Counts the keys of this circuit, modulo 256. */
  get epoch(): number {
    return this.#seals.epoch;
  }

  get closed(): boolean {
    return this.#over;
  }

  /** Whether a record may be sent now. */
  get writable(): boolean {
    const path = this.#paths.inUse;
    if (this.#over || !this.#seals.ready || path === undefined || path.resend) return false;
    return this.#sender.open && this.#carrier.isReady(path.rule);
  }

  /** Bytes that the next record should have at most, when the circuit is {@link writable}. */
  get room(): number {
    return Math.min(this.#sender.room(performance.now()), maxRecordBytes);
  }

  /** Sends a record; to be called when the circuit is {@link writable}. @param parts at most {@link maxRecordBytes} */
  sendRecord(parts: readonly Buffer[], bytes: number): void {
    const path = this.#paths.inUse;
    if (path === undefined) throw new Error('a record without a path');
    const now = performance.now();
    const message = this.#seals.sealRecord(this.#sender.next, parts);
    this.#sender.add(message, bytes + SEAL_BYTES, now, path.number);
    this.#carrier.send(path.rule, message, false);
    this.#schedule(watchMs);
  }

  /** Sends datagrams, or drops them. @param payloads together at most {@link maxRecordBytes} */
  sendDatagrams(channel: number, payloads: readonly Buffer[]): void {
    const path = this.#paths.inUse;
    if (this.#over || path === undefined || !this.#seals.ready) return;
    const note = encodeDatagrams(channel, payloads);
    this.#carrier.send(path.rule, this.#seals.sealNote(note), true);
  }

  /** Adds a path, or one that the manager has made anew under the same number. */
  addPath(rule: EndRule): void {
    const path = this.#paths.add(rule, this.#carrier.isUp(rule));
    this.#carrier.attach(rule, {
      receive: (message, settle) => {
        this.#receive(message, path);
        settle();
      },
      down: () => this.#pathDown(path),
      ready: () => this.#pathReady(path),
    });
    this.#chooseAgain();
    this.#seals.pathAdded();
    this.#schedule(0);
  }

  removePath(number: number): void {
    if (this.#paths.remove(number)) this.#chooseAgain();
  }

  /** What people are shown of the paths. */
  get paths(): { path: number; up: boolean; inUse: boolean; roundTrip: number | undefined }[] {
    return Array.from(this.#paths, (path) => ({
      ...{ path: path.number, up: path.up, inUse: path === this.#paths.inUse },
      roundTrip: path.roundTrip,
    }));
  }

  /** Ends the circuit, and tells the other end where it can. */
  close(reason: string): void {
    if (this.#over) return;
    if (this.#seals.ready)
      for (const path of this.#paths) if (path.up) this.#output.sendNote(path, encodeClose(reason));
    this.#end(reason);
  }

  #end(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#watch);
    clearTimeout(this.#ackTimer);
    this.emit('closed', reason);
  }

  #keyed(first: boolean): void {
    if (first) this.emit('ready');
    this.#schedule(0);
    this.#announceWritable();
  }

  #receive(message: Buffer, path: Path): void {
    if (this.#over) return;
    try {
      this.#dispatch(message, path);
    } catch (error) {
      // What a relay made up does not open, and what the other end sealed is its own.
      if (error instanceof ForgedRecord)
        this.emit('problem', `${this.peer}: a message was changed on its way`);
      else if (error instanceof CircuitViolation) this.close(error.message);
      else throw error;
    }
  }

  #dispatch(message: Buffer, path: Path): void {
    const [type] = message;
    if (type === MessageType.record || type === MessageType.note) {
      const head = readHead(message);
      if (head === undefined) return;
      if (type === MessageType.record) this.#receiveRecord(head, message, path);
      else this.#receiveNote(head, message, path);
    } else if (type === MessageType.handshake) {
      const step = readStep(Buffer.from(message));
      if (step === undefined) return;
      this.#seals.receiveStep(step, path.number, performance.now());
    } else if (type === MessageType.lost) {
      this.#seals.receiveLost(performance.now());
    }
  }

  #receiveRecord(head: Head, message: Buffer, path: Path): void {
    if (this.#seals.ready && !this.#receiver.wants(head.number)) {
      this.#acknowledge(path);
      return;
    }
    const now = performance.now();
    const plaintext = this.#seals.openRecord(head, message, path.number, now);
    if (plaintext === undefined) return;
    path.showedLife(now);
    for (const record of this.#receiver.take(head.number, plaintext)) {
      this.emit('record', record);
      if (this.#over) return;
    }
    if (this.#receiver.due === 'now') this.#acknowledge(path);
    else if (this.#receiver.due === 'soon')
      this.#ackTimer ??= setTimeout(() => {
        this.#ackTimer = undefined;
        this.#acknowledge(path);
      }, ackMs);
  }

  #receiveNote(head: Head, message: Buffer, path: Path): void {
    const now = performance.now();
    const plaintext = this.#seals.openNote(head, message, path.number, now);
    if (plaintext === undefined) return;
    const note = readNote(plaintext);
    switch (note.kind) {
      case 'ack':
        if (this.#sender.acknowledge(note.next, note.takes, note.ranges, now))
          this.#paths.inUse?.showedLife(now);
        this.#announceWritable();
        return;
      case 'probe':
        this.#output.sendNote(path, encodeProbe('echo', note.path, note.id));
        return;
      case 'echo':
        if (note.path === path.number && path.echo(note.id, now)) this.#answered(path);
        return;
      case 'datagrams':
        this.emit('datagrams', note.channel, note.payloads);
        return;
      case 'close':
        this.#end(note.reason);
    }
  }

  #acknowledge(from: Path | undefined): void {
    const path = this.#output.readyPath(from);
    if (path === undefined || !this.#seals.ready) return;
    clearTimeout(this.#ackTimer);
    this.#ackTimer = undefined;
    const { next, takes, ranges } = this.#receiver;
    this.#output.sendNote(path, encodeAck(next, takes, ranges));
    this.#receiver.acknowledged();
  }

  #sendPlain(number: number | undefined, message: readonly Buffer[]): void {
    for (const path of this.#paths)
      if (number === undefined || path.number === number) this.#carrier.send(path.rule, message, false);
  }

  #answered(path: Path): void {
    const { inUse } = this.#paths;
    if (path === inUse && path.broke) this.#use(path, true, 'it answers again');
    path.broke = false;
    if (this.#paths.prefers(path))
      this.#use(path, !inUse?.up, inUse?.up ? 'it is lighter' : 'the one before is down');
    else this.#chooseAgain();
  }

  #pathDown(path: Path): void {
    if (this.#paths.get(path.number) !== path) return;
    path.down();
    path.broke = true;
    this.#chooseAgain();
    this.#schedule(watchMs);
  }

  #pathReady(path: Path): void {
    if (this.#over || this.#paths.get(path.number) !== path) return;
    if (!path.up) this.#probe(path);
    this.#output.sendNotes(path);
    if (this.#receiver.due) this.#acknowledge(path);
    this.#output.resend(path);
    this.#announceWritable();
  }

  #chooseAgain(): void {
    if (this.#paths.choose(performance.now()) && this.#paths.inUse)
      this.#use(this.#paths.inUse, true, 'the one before is down');
    else if (this.#paths.inUse) this.#announceWritable();
  }

  /** @param again what is unacknowledged may have been lost on the path before */
  #use(path: Path, again: boolean, why: string): void {
    this.#paths.use(path);
    if (this.#used !== path.number) this.#sender.moved(path.roundTrip);
    if (this.#used !== undefined && this.#used !== path.number) this.emit('moved', path.number, why);
    this.#used = path.number;
    // Those that went out before may be lost, and nothing more may come that is to be acknowledged. On no other path: when this
    // one is not ready, they go out as soon as it is.
    if (this.#receiver.hasSome) this.#receiver.due = 'now';
    if (this.#receiver.due && this.#output.isReady(path)) this.#acknowledge(path);
    if (again) path.resend = this.#sender.all();
    this.#output.resend(path);
    this.#announceWritable();
  }

  #announceWritable(): void {
    if (this.writable) this.emit('writable');
  }

  #probe(path: Path): void {
    if (!this.#seals.ready) return;
    this.#output.sendNote(path, encodeProbe('probe', path.number, path.probe(performance.now())));
  }

  /** Looks after everything that time decides. */
  #work(): void {
    const now = performance.now();
    this.#watch = undefined;
    if (this.#paths.downFor(now) > giveUpMs) {
      this.close('no path leads to the other node any more');
      return;
    }
    if (this.#sender.stalledFor(now) > stalledMs) {
      this.close('the other end does not acknowledge what is sent any more');
      return;
    }
    this.#seals.work(now);
    const suspect = this.#paths.check(now, this.active, (path) => this.#probe(path));
    const { warm } = this.#paths;
    if (suspect && warm) this.#use(warm, true, 'the one before answers late');
    else this.#chooseAgain();
    this.#hedge(now);
    if (this.#over) return;
    this.#schedule(!this.#sender.idle || this.#paths.restless ? watchMs : idleMs);
  }

  #hedge(now: number): void {
    const { inUse, warm } = this.#paths;
    if (inUse === undefined) return;
    const hedge = this.#sender.hedge(now, inUse.number, warm !== undefined, inUse.roundTrip);
    const range = hedge ?? (warm ? undefined : this.#sender.repeat(now));
    if (range === undefined) return;
    for (const path of this.#paths) if (path.waiting === 0) this.#probe(path);
    const on = hedge?.onWarm && warm ? warm : inUse;
    if (on.resend) on.resend.last = Math.max(on.resend.last, range.last);
    else on.resend = { next: range.next, last: range.last };
    this.#output.resend(on);
  }

  /** INVARIANT: the timer is never later than what is due. */
  #schedule(ms: number): void {
    if (this.#over) return;
    if (this.#watch && this.#watchMs <= ms) return;
    clearTimeout(this.#watch);
    this.#watchMs = ms;
    this.#watch = setTimeout(() => this.#work(), ms);
  }
}
