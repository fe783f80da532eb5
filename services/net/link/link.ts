import { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import { closeTimeoutMs } from '../../signal/channel.ts';
import type { PublicKey } from '../keys.ts';
import type { CipherState } from '../noise/state.ts';
import type { Session } from '../session/session.ts';
import { BadFrame, FrameType } from './frames.ts';
import { RecordReader } from './record-reader.ts';
import { RecordWriter } from './record-writer.ts';

export { FrameType } from './frames.ts';

export interface LinkEvents {
  /** DATA, CREDIT, DATAGRAM or DOWN has come. The payload may be a slice of a larger block. */
  frame: [type: number, label: number, payload: Buffer];
  /** Less than 256 KiB wait, after it was more. */
  drain: [];
}

export interface LinkFigures {
  /** Smoothed round-trip time, in seconds; 0 before the first was measured. */
  rtt: number;
  /** Part of the datagrams that get lost, 0–1. */
  loss: number;
  /** Part of the time in which something waits to be sent, 0–1. */
  load: number;
  /** Bytes of payload of DATA and DATAGRAM. */
  sent: number;
  received: number;
}

/** Waiting bytes below which whoever has stopped sending may go on, and above which datagrams are dropped. */
const lowBacklog = 256 * 1024;
/** Waiting bytes after which the neighbour counts as not reading: nobody sends so much who minds the backlog. */
const maxBacklog = 8 * 1024 * 1024;

/**
 * The link with a neighbour (section 2 of `docs/protocol.md`).
 *
 * INVARIANT: frames arrive whole, once and in the order in which they were sent, except that a DATAGRAM may be missing or
 * late; whatever else happens ends the link.
 */
export class Link extends EventEmitter<LinkEvents> {
  readonly remote: PublicKey;
  /** Resolves with the reason once the link is over; never rejects. */
  readonly closed: Promise<string>;
  readonly #closed = Promise.withResolvers<string>();
  readonly #stream: Duplex;
  readonly #writer = new RecordWriter();
  readonly #reader: RecordReader;
  readonly #written = (): void => this.#drained();
  readonly #flushNow = (): void => this.#flush();
  #sending: CipherState;
  #over = false;
  #flushing = false;
  #high = false;
  #sent = 0;
  #received = 0;

  /** @param stream after the handshake; belongs to the link from now on */
  constructor(stream: Duplex, session: Session) {
    super();
    this.remote = session.remote;
    this.closed = this.#closed.promise;
    this.#stream = stream;
    this.#sending = session.send;
    this.#reader = new RecordReader(session.receive, (type, label, payload) =>
      this.#take(type, label, payload),
    );
    stream.on('data', (chunk: Buffer) => this.#read(chunk));
    stream.once('end', () => this.#finish(`${this.remote} closed the link`));
    stream.once('error', (error) =>
      this.#finish(`the connection with ${this.remote} broke: ${error.message}`),
    );
    stream.once('close', () => this.#finish(`the connection with ${this.remote} was closed`));
    if (stream.destroyed) this.#finish(`the connection with ${this.remote} was closed`);
    else stream.resume();
  }

  /** Bytes that were given to {@link send} and that the stream has not taken yet. */
  get backlog(): number {
    return this.#writer.bytes + this.#stream.writableLength;
  }

  get figures(): LinkFigures {
    return { rtt: 0, loss: 0, load: 0, sent: this.#sent, received: this.#received };
  }

  /** Does nothing once the link is over. The parts must not be changed any more. */
  send(type: number, label: number, parts: readonly Buffer[]): void {
    if (this.#over) return;
    let bytes = 0;
    for (const part of parts) bytes += part.length;
    if (type === FrameType.datagram && this.backlog > lowBacklog) return;
    if (type === FrameType.data || type === FrameType.datagram) this.#sent += bytes;
    this.#add(type, label, parts, bytes);
  }

  /** Sends what waits, as far as the neighbour takes it within a second. */
  close(reason: string): void {
    if (this.#over) return;
    this.#flush();
    this.#finish(reason);
  }

  #add(type: number, label: number, parts: readonly Buffer[], bytes: number): void {
    if (!this.#writer.fits(bytes)) this.#flush();
    this.#writer.add(type, label, parts, bytes);
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(this.#flushNow);
  }

  #flush(): void {
    this.#flushing = false;
    if (this.#over || this.#writer.empty) return;
    const pieces = this.#writer.take(this.#sending);
    const last = pieces.length - 1;
    this.#stream.cork();
    for (let index = 0; index < last; index++) this.#stream.write(pieces[index]);
    this.#stream.write(pieces[last], this.#written);
    this.#stream.uncork();
    const { backlog } = this;
    if (backlog > lowBacklog) this.#high = true;
    if (backlog > maxBacklog) this.#cutOff(`${this.remote} does not read: ${backlog} bytes wait`);
  }

  #drained(): void {
    if (!this.#high || this.#over || this.backlog >= lowBacklog) return;
    this.#high = false;
    this.emit('drain');
  }

  #read(chunk: Buffer): void {
    if (this.#over) return;
    try {
      this.#reader.push(chunk);
    } catch (error) {
      if (!(error instanceof BadFrame)) throw error;
      this.#cutOff(`${this.remote} sent ${error.message}`);
    }
  }

  #take(type: number, label: number, payload: Buffer): void {
    if (type === FrameType.ping) this.#add(FrameType.pong, 0, [Buffer.from(payload)], payload.length);
    if (type > FrameType.down) return;
    if (type === FrameType.data || type === FrameType.datagram) this.#received += payload.length;
    this.emit('frame', type, label, payload);
  }

  #cutOff(reason: string): void {
    this.#finish(reason);
    this.#stream.destroy();
  }

  #finish(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#reader.stop();
    this.#closed.resolve(reason);
    if (this.#stream.destroyed) return;
    const timer = setTimeout(() => this.#stream.destroy(), closeTimeoutMs);
    this.#stream.once('close', () => clearTimeout(timer));
    this.#stream.end(() => this.#stream.destroy());
  }
}
