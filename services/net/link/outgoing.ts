import type { Writable } from 'node:stream';
import type { CipherState } from '../noise/state.ts';
import { LoadMeter } from './load-meter.ts';
import { RecordWriter } from './record-writer.ts';

/** Waiting bytes below which whoever has stopped sending may go on, and above which datagrams are dropped. */
export const lowBacklog = 256 * 1024;
/** Waiting bytes after which the neighbour counts as not reading: who minds the backlog does not send so much. */
const maxBacklog = 4 * 1024 * 1024;

export interface OutgoingEvents {
  /** Less than {@link lowBacklog} waits, after it was more. */
  drained(): void;
  /** More waits than is kept for a neighbour. */
  stuck(bytes: number): void;
}

/** What a link sends over its stream: the frames of one turn of the event loop together, as far as they fit a record. */
export class Outgoing {
  readonly load = new LoadMeter();
  readonly #stream: Writable;
  readonly #events: OutgoingEvents;
  readonly #writer = new RecordWriter();
  #cipher: CipherState;
  #stopped = false;
  #scheduled = false;
  /** Somebody may be waiting for less. */
  #high = false;
  readonly #written = (): void => this.#drain();
  readonly #turnOver = (): void => {
    this.#scheduled = false;
    this.flush();
  };

  constructor(stream: Writable, cipher: CipherState, events: OutgoingEvents) {
    this.#stream = stream;
    this.#cipher = cipher;
    this.#events = events;
  }

  /** Bytes that the stream has not taken yet. */
  get backlog(): number {
    return this.#writer.bytes + this.#stream.writableLength;
  }

  /** `bytes` is the length of all parts, which must not be changed any more. */
  add(type: number, label: number, parts: readonly Buffer[], bytes: number): void {
    if (!this.#writer.fits(bytes)) this.flush();
    this.#writer.add(type, label, parts, bytes);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#turnOver);
  }

  /** Does not wait for the turn to be over. */
  flush(): void {
    if (this.#stopped || this.#writer.empty) return;
    const pieces = this.#writer.take(this.#cipher);
    const last = pieces.length - 1;
    this.#stream.cork();
    for (let index = 0; index < last; index++) this.#stream.write(pieces[index]);
    this.#stream.write(pieces[last], this.#written);
    this.#stream.uncork();
    const waiting = this.#stream.writableLength;
    this.load.busy = waiting > 0;
    if (waiting > lowBacklog) this.#high = true;
    if (waiting > maxBacklog) this.#events.stuck(waiting);
  }

  /** Seals the records to come with another cipher. */
  switchTo(cipher: CipherState): void {
    this.flush();
    this.#cipher = cipher;
  }

  /** Sends nothing any more. */
  stop(): void {
    this.#stopped = true;
  }

  #drain(): void {
    if (this.#stopped) return;
    const waiting = this.#stream.writableLength;
    if (waiting === 0) this.load.busy = false;
    if (!this.#high || waiting >= lowBacklog) return;
    this.#high = false;
    this.#events.drained();
  }
}
