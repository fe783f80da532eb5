import { MeshError, type Remote } from '../../mesh/types.ts';
import { type Circuit, maxRecordBytes } from '../circuit/circuit.ts';
import { CircuitViolation } from '../circuit/messages.ts';
import { type ChannelHost, CircuitChannel } from './channel.ts';
import {
  encodeFrameHead,
  encodeText,
  encodeWindow,
  FRAME_HEAD_BYTES,
  type Frame,
  MAX_DATA_BYTES,
  type Opening,
  readFrames,
  readOpening,
  StreamFrame,
} from './frames.ts';
import { CircuitStream, type StreamHost } from './stream.ts';
import { WindowBudget } from './window.ts';

/** Streams and channels of one circuit, those that are being opened among them. */
export const maxStreams = 8_192;
/** The highest number that a stream can have: there are 32 bits for it. */
const maxStreamId = 2 ** 32 - 1;
/** Frames other than DATA that may wait; the other end makes them wait by not reading. */
const maxControlFrames = 65_536;

/** What the node does with what the other end opens, and with what passes. */
export interface MuxOptions {
  /** Asks the app for which something was opened. @throws {MeshError} to refuse */
  incoming(opening: Opening, end: CircuitStream | CircuitChannel): Promise<void>;
  /** Payload that arrived for, or was sent by, an app here: each byte once. */
  metered(app: string, direction: 'received' | 'sent', bytes: number): void;
  /** The highest number of a stream. Default 2^32 - 1. */
  maxId?: number | undefined;
}

type End = CircuitStream | CircuitChannel;

interface Wanted {
  end: End;
  resolve(end: End): void;
  reject(error: MeshError): void;
}

/**
 * The streams and channels in a circuit. They are served in turn, one frame each.
 *
 * INVARIANT: a stream that is not read holds up itself alone, for the other end may send no more than its window.
 */
export class Mux implements StreamHost, ChannelHost {
  readonly budget = new WindowBudget();
  readonly #circuit: Circuit;
  readonly #options: MuxOptions;
  readonly #ends = new Map<number, End>();
  readonly #wanted = new Map<number, Wanted>();
  /** Offered to an app here, which has not answered yet. */
  readonly #offered = new Set<number>();
  readonly #turns = new Set<CircuitStream>();
  readonly #control: Buffer[] = [];
  readonly #maxId: number;
  #nextId: number;
  /** Streams of the other end that were refused one after the other because there are too many. */
  #refused = 0;
  #scheduled = false;

  constructor(circuit: Circuit, options: MuxOptions) {
    this.#circuit = circuit;
    this.#options = options;
    this.#nextId = circuit.opener ? 1 : 2;
    this.#maxId = options.maxId ?? maxStreamId;
    circuit.on('record', (plaintext) => this.#receive(plaintext));
    circuit.on('datagrams', (id, payloads) => this.#receiveDatagrams(id, payloads));
    circuit.on('writable', () => this.#pump());
    circuit.on('closed', (reason) => this.#circuitClosed(reason));
  }

  /** Streams and channels there are. */
  get size(): number {
    return this.#ends.size;
  }

  /** So few numbers are left that whoever wants streams takes another circuit: a number is never given twice. */
  get spent(): boolean {
    return this.#nextId > this.#maxId - 2 * maxStreams;
  }

  /** Opens a stream or a channel to an app at the other end. @throws {MeshError} */
  async open(opening: Opening, signal: AbortSignal): Promise<End> {
    if (this.#circuit.closed) throw new MeshError('reset', 'the circuit to this node is over');
    if (this.#ends.size >= maxStreams)
      throw new MeshError('refused', `there are ${maxStreams} streams to this node already`);
    if (this.#nextId > this.#maxId)
      throw new MeshError('refused', 'this circuit has no numbers for streams any more');
    const id = this.#nextId;
    this.#nextId += 2;
    const remote = { node: this.#circuit.peer, app: opening.app };
    const end = this.#add(id, opening.from, remote, opening.kind);
    this.#queue(encodeText(StreamFrame.open, id, JSON.stringify(opening)));
    const { promise, resolve, reject } = Promise.withResolvers<End>();
    this.#wanted.set(id, { end, resolve, reject });
    const abort = () => reject(new MeshError('timeout', `${opening.app} has not answered`));
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    try {
      return await promise;
    } catch (error) {
      this.#wanted.delete(id);
      this.#drop(end, 'not wanted any more');
      throw error;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  wants(stream: CircuitStream): void {
    if (this.#wanted.has(stream.id) || this.#offered.has(stream.id)) return;
    this.#turns.add(stream);
    this.#schedule();
  }

  give(stream: CircuitStream, bytes: number): void {
    this.#queue(encodeWindow(stream.id, bytes));
  }

  gone(stream: CircuitStream, reason: string | undefined): void {
    this.#turns.delete(stream);
    if (this.#forget(stream) && reason !== undefined)
      this.#queue(encodeText(StreamFrame.reset, stream.id, reason));
  }

  sendDatagrams(channel: number, payloads: readonly Buffer[]): void {
    const end = this.#ends.get(channel);
    if (end === undefined || this.#wanted.has(channel)) return;
    this.#circuit.sendDatagrams(channel, payloads);
    this.#options.metered(end.app, 'sent', lengthOf(payloads));
  }

  channelGone(channel: CircuitChannel): void {
    if (this.#forget(channel)) this.#queue(encodeText(StreamFrame.fin, channel.id, ''));
  }

  /** Ends everything. */
  close(reason: string): void {
    for (const end of [...this.#ends.values()]) this.#drop(end, reason);
  }

  #add(id: number, app: string, remote: Remote, kind: Opening['kind']): End {
    const end =
      kind === 'stream'
        ? new CircuitStream(id, app, remote, this)
        : new CircuitChannel(id, app, remote, this);
    // The app's end hears of it; without a listener it would be the process.
    if (end instanceof CircuitStream) end.on('error', () => undefined);
    this.#ends.set(id, end);
    this.#circuit.active = true;
    return end;
  }

  /** @returns whether it was there */
  #forget(end: End): boolean {
    if (this.#ends.get(end.id) !== end) return false;
    this.#ends.delete(end.id);
    this.#circuit.active = this.#ends.size > 0;
    return true;
  }

  #drop(end: End, reason: string): void {
    if (end instanceof CircuitStream) end.reset(reason);
    else end.close(reason);
  }

  #queue(frame: Buffer): void {
    if (this.#circuit.closed) return;
    this.#control.push(frame);
    if (this.#control.length > maxControlFrames) this.#circuit.close('the other end does not read');
    else this.#schedule();
  }

  /** At the end of this turn of the event loop, so that what other sockets have brought goes in the same record. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#pump();
    });
  }

  #pump(): void {
    while (this.#circuit.writable) {
      const { parts, bytes, streams } = this.#fill();
      if (bytes === 0) return;
      this.#circuit.sendRecord(parts, bytes);
      for (const stream of streams) stream.sent();
    }
  }

  /** The parts of the next record. */
  #fill(): { parts: Buffer[]; bytes: number; streams: Set<CircuitStream> } {
    const parts: Buffer[] = [];
    const streams = new Set<CircuitStream>();
    let bytes = 0;
    let control = 0;
    for (const frame of this.#control) {
      if (bytes + frame.length > maxRecordBytes) break;
      parts.push(frame);
      bytes += frame.length;
      control++;
    }
    this.#control.splice(0, control);
    const most = this.#circuit.room;
    for (const stream of this.#turns) {
      const room = Math.min(most - bytes - FRAME_HEAD_BYTES, MAX_DATA_BYTES);
      if (room <= 0) break;
      // To the end of the turns, if it has more.
      this.#turns.delete(stream);
      const data = stream.takeData(room);
      if (data) {
        parts.push(encodeFrameHead(StreamFrame.data, stream.id, data.length), data);
        bytes += FRAME_HEAD_BYTES + data.length;
        streams.add(stream);
        this.#options.metered(stream.app, 'sent', data.length);
      } else if (stream.ends) {
        parts.push(encodeFrameHead(StreamFrame.fin, stream.id, 0));
        bytes += FRAME_HEAD_BYTES;
        stream.finSent();
        continue;
      }
      if (stream.sendable) this.#turns.add(stream);
    }
    return { parts, bytes, streams };
  }

  #receive(plaintext: Buffer): void {
    for (const frame of readFrames(plaintext)) {
      if (this.#circuit.closed) return;
      this.#take(frame);
    }
  }

  #take({ type, stream: id, payload }: Frame): void {
    if (type === StreamFrame.open) {
      this.#opened(id, payload);
      return;
    }
    const end = this.#ends.get(id);
    // What was under way when this end forgot the stream.
    if (end === undefined) return;
    switch (type) {
      case StreamFrame.accept:
        this.#settle(id)?.resolve(end);
        return;
      case StreamFrame.refuse: {
        const reason = payload.toString();
        this.#forget(end);
        this.#settle(id)?.reject(new MeshError('refused', reason));
        this.#drop(end, reason);
        return;
      }
      case StreamFrame.reset:
        this.#forget(end);
        this.#settle(id)?.reject(new MeshError('reset', payload.toString()));
        this.#drop(end, payload.toString());
        return;
      default:
        if (end instanceof CircuitStream) this.#takeOfStream(end, type, payload);
        else if (type === StreamFrame.fin && this.#forget(end))
          end.over(payload.toString() || 'the other end has closed the channel');
    }
  }

  #takeOfStream(stream: CircuitStream, type: number, payload: Buffer): void {
    if (type === StreamFrame.data) {
      if (this.#wanted.has(stream.id) || this.#offered.has(stream.id))
        throw new CircuitViolation('data on a stream that was not accepted');
      this.#options.metered(stream.app, 'received', payload.length);
      stream.receive(payload);
    } else if (type === StreamFrame.window) {
      if (payload.length !== 4) throw new CircuitViolation('a window without a size');
      stream.addWindow(payload.readUInt32BE());
    } else {
      stream.receiveFin();
    }
  }

  #settle(id: number): Wanted | undefined {
    const wanted = this.#wanted.get(id);
    this.#wanted.delete(id);
    return wanted;
  }

  #opened(id: number, payload: Buffer): void {
    const theirs = (id % 2 === 1) !== this.#circuit.opener;
    if (!theirs || this.#ends.has(id) || this.#offered.has(id))
      throw new CircuitViolation(`stream ${id} cannot be opened by the other end`);
    // What was reset while an app thinks about it counts too.
    if (Math.max(this.#ends.size, this.#offered.size) >= maxStreams) {
      this.#refuse(id);
      return;
    }
    this.#refused = 0;
    const opening = readOpening(payload);
    const end = this.#add(id, opening.app, { node: this.#circuit.peer, app: opening.from }, opening.kind);
    this.#offered.add(id);
    void this.#offer(opening, end);
  }

  /** An end that keeps to the bound meets it now and then, as both open streams at the same time; never so often. */
  #refuse(id: number): void {
    if (++this.#refused > maxStreams)
      throw new CircuitViolation('the other end opens streams without bounds');
    this.#queue(encodeText(StreamFrame.refuse, id, `there are ${maxStreams} streams already`));
  }

  async #offer(opening: Opening, end: End): Promise<void> {
    try {
      await this.#options.incoming(opening, end);
      this.#offered.delete(end.id);
      if (this.#ends.get(end.id) === end) this.#queue(encodeText(StreamFrame.accept, end.id, ''));
      if (end instanceof CircuitStream && end.sendable) this.wants(end);
    } catch (error) {
      this.#offered.delete(end.id);
      const reason = error instanceof Error ? error.message : String(error);
      if (this.#forget(end)) this.#queue(encodeText(StreamFrame.refuse, end.id, reason));
      this.#drop(end, reason);
    }
  }

  #receiveDatagrams(id: number, payloads: Buffer[]): void {
    const end = this.#ends.get(id);
    if (!(end instanceof CircuitChannel) || this.#wanted.has(id) || this.#offered.has(id)) return;
    this.#options.metered(end.app, 'received', lengthOf(payloads));
    end.receive(payloads);
  }

  #circuitClosed(reason: string): void {
    this.#control.length = 0;
    for (const { reject } of this.#wanted.values()) reject(new MeshError('reset', reason));
    for (const end of [...this.#ends.values()]) {
      this.#forget(end);
      this.#drop(end, reason);
    }
  }
}

function lengthOf(parts: readonly Buffer[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}
