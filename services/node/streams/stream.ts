import { Duplex } from 'node:stream';
import { MeshError, type MeshStream, type Remote } from '../../mesh/types.ts';
import { CircuitViolation } from '../circuit/messages.ts';
import { initialWindow, ReceiveWindow, type WindowBudget } from './window.ts';

type Done = (error?: Error | null) => void;

/** What a stream asks of the circuit's streams. */
export interface StreamHost {
  budget: WindowBudget;
  /** Something waits to be sent. */
  wants(stream: CircuitStream): void;
  /** Gives back so many bytes of the window. */
  give(stream: CircuitStream, bytes: number): void;
  /** The stream is over here; `reason` where it did not end in both directions. */
  gone(stream: CircuitStream, reason: string | undefined): void;
}

/** One end of a stream in a circuit. */
export class CircuitStream extends Duplex implements MeshStream {
  readonly id: number;
  readonly remote: Remote;
  /** The app at this end. */
  readonly app: string;
  readonly #host: StreamHost;
  readonly #window: ReceiveWindow;
  readonly #refillLater = (): void => this.#refill();
  #sendWindow = initialWindow;
  #chunks: Buffer[] = [];
  #done: Done | undefined;
  #ending = false;
  #finSent = false;
  #finReceived = false;

  constructor(id: number, app: string, remote: Remote, host: StreamHost) {
    super({ allowHalfOpen: true, highWaterMark: 128 * 1024 });
    this.id = id;
    this.app = app;
    this.remote = remote;
    this.#host = host;
    this.#window = new ReceiveWindow(host.budget);
  }

  /** Whether DATA or FIN could go out now. */
  get sendable(): boolean {
    return this.#chunks.length > 0 ? this.#sendWindow > 0 : this.ends;
  }

  /** Whether everything has been sent, and the end of it is to be told. */
  get ends(): boolean {
    return this.#ending && !this.#finSent && this.#chunks.length === 0;
  }

  /** Takes what is next to be sent, up to so many bytes; what is taken counts as sent. */
  takeData(most: number): Buffer | undefined {
    const [chunk] = this.#chunks;
    const length = Math.min(chunk?.length ?? 0, most, this.#sendWindow);
    if (chunk === undefined || length === 0) return undefined;
    this.#sendWindow -= length;
    if (length < chunk.length) {
      this.#chunks[0] = chunk.subarray(length);
      return chunk.subarray(0, length);
    }
    this.#chunks.shift();
    return chunk;
  }

  /** What was taken is sealed: the writer may go on when nothing is left. */
  sent(): void {
    if (this.#chunks.length === 0 && !this.#ending) this.#complete();
  }

  /** FIN goes out. */
  finSent(): void {
    this.#finSent = true;
    this.#complete();
  }

  /** @throws {CircuitViolation} when it is more than the window, or comes after FIN */
  receive(payload: Buffer): void {
    if (this.#finReceived) throw new CircuitViolation('data after the end of a stream');
    if (!this.#window.receive(payload.length))
      throw new CircuitViolation('more data than a window has room for');
    if (this.destroyed) return;
    this.push(payload);
    this.#refill();
  }

  /** @throws {CircuitViolation} when it has come before */
  receiveFin(): void {
    if (this.#finReceived) throw new CircuitViolation('a second end of a stream');
    this.#finReceived = true;
    if (!this.destroyed) this.push(null);
  }

  /** @throws {CircuitViolation} when it grows beyond all bounds */
  addWindow(bytes: number): void {
    this.#sendWindow += bytes;
    if (this.#sendWindow > 2 ** 32) throw new CircuitViolation('a window without bounds');
    if (this.sendable) this.#host.wants(this);
  }

  override _read(): void {
    this.#refill();
    // Node asks before it takes out what is being read, and may not ask again before more has come: the window would
    // stay shut.
    if (this.readableLength > 0) process.nextTick(this.#refillLater);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#send([chunk], done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: Done): void {
    this.#send(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }

  override _final(done: Done): void {
    this.#ending = true;
    this.#send([], done);
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#chunks = [];
    this.#ending = false;
    this.#done = undefined;
    this.#window.release();
    const ended = this.#finSent && this.#finReceived;
    this.#host.gone(this, ended ? undefined : (error?.message ?? 'the app has closed the stream'));
    done(error);
  }

  /** The other end, or the circuit, has broken it off. */
  reset(reason: string): void {
    this.destroy(new MeshError('reset', reason));
  }

  #send(chunks: Buffer[], done: Done): void {
    this.#chunks = chunks.filter((chunk) => chunk.length > 0);
    this.#done = done;
    if (chunks.length > 0 && this.#chunks.length === 0) this.#complete();
    else this.#host.wants(this);
  }

  #complete(): void {
    const done = this.#done;
    this.#done = undefined;
    done?.();
  }

  #refill(): void {
    if (this.destroyed) return;
    const bytes = this.#window.refill(this.readableLength);
    if (bytes > 0 && !this.#finReceived) this.#host.give(this, bytes);
  }
}
