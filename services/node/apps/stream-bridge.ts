import type { Socket } from 'node:net';
import { confirmMs, type StreamEnd, type StreamReset, streamMethods } from '../../mesh/stream.ts';
import { MeshError, type MeshStream } from '../../mesh/types.ts';

export interface BridgeOptions {
  id: number;
  /** Bytes of the lines that opened the socket. */
  before: { sent: number; received: number };
  /** Tells the app, over its own connection. */
  tell(method: string, params: StreamEnd | StreamReset): void;
  /** Both ends are closed. */
  onClosed(): void;
}

/** Longest time in which nothing moves on a stream whose app is gone, in milliseconds. */
const orphanMs = 60_000;

/**
 * Joins an app's socket and a stream of the mesh. Each direction ends for itself: that of the app when it has said how
 * many bytes it has sent and as many have come, that of the mesh when the stream ends. Everything else resets both.
 */
export class StreamBridge {
  readonly #socket: Socket;
  readonly #stream: MeshStream;
  readonly #options: BridgeOptions;
  #announced: number | undefined;
  #socketEnded = false;
  #streamEnded = false;
  #over = false;
  #late: NodeJS.Timeout | undefined;

  constructor(socket: Socket, stream: MeshStream, options: BridgeOptions) {
    this.#socket = socket;
    this.#stream = stream;
    this.#options = options;
    socket.once('end', () => {
      this.#socketEnded = true;
      this.#judge();
    });
    socket.once('error', (error) => this.#fail(`the app has ended the stream: ${error.message}`));
    socket.once('close', () => this.#closed(this.#socketEnded && socket.writableFinished));
    stream.once('end', () => this.#finish());
    stream.on('error', (error) => this.#fail(error.message));
    stream.once('close', () => this.#closed(this.#streamEnded && stream.writableFinished));
    socket.pipe(stream, { end: false });
    stream.pipe(socket, { end: false });
    if (stream.destroyed) this.#fail(stream.errored?.message ?? 'the stream is over');
  }

  /** The app says that it has sent this many bytes and ends its direction. */
  announceEnd(bytes: number): void {
    this.#announced = bytes;
    this.#judge();
  }

  /** The app has reset the stream, or is gone before it has said that it was done. */
  reset(reason: string): void {
    this.#end(new MeshError('reset', reason));
  }

  /** The app is gone. What it had finished still reaches the other end. */
  orphan(reason: string): void {
    if (this.#announced === undefined) this.reset(reason);
    else this.#socket.setTimeout(orphanMs, () => this.reset(reason));
  }

  #judge(): void {
    if (!this.#socketEnded || this.#over) return;
    clearTimeout(this.#late);
    const received = this.#socket.bytesRead - this.#options.before.received;
    if (this.#announced === undefined)
      this.#late = setTimeout(() => this.#fail('the app did not say that it was done'), confirmMs);
    else if (this.#announced === received) this.#stream.end();
    else this.#fail(`${received} of ${this.#announced} bytes came from the app`);
  }

  /** The mesh brings no more. The count makes it sure that the app has all of it, whichever it hears of first. */
  #finish(): void {
    this.#streamEnded = true;
    if (this.#over) return;
    const { id, before } = this.#options;
    this.#options.tell(streamMethods.end, { id, bytes: this.#socket.bytesWritten - before.sent });
    this.#socket.end();
  }

  #fail(reason: string): void {
    if (this.#over) return;
    this.#options.tell(streamMethods.reset, { id: this.#options.id, reason });
    this.#end(new MeshError('reset', reason));
  }

  #closed(bothDirectionsEnded: boolean): void {
    if (!bothDirectionsEnded) this.#fail('the stream was cut off');
    if (this.#socket.closed && this.#stream.closed) this.#options.onClosed();
  }

  #end(error: MeshError): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#late);
    this.#stream.destroy(error);
    this.#socket.destroy();
  }
}
