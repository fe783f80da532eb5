import { abort, type SpliceCount, splice } from '../../mesh/splice.ts';
import { confirmMs, type Held, streamMethods } from '../../mesh/stream.ts';
import { MeshError, type MeshStream } from '../../mesh/types.ts';
import type { WideSocket } from '../../net/wide-socket.ts';

export interface BridgeOptions {
  id: number;
  /** Bytes of the lines that opened the socket. */
  before: { sent: number; received: number };
  /** Tells the app, over its own connection. */
  tell(method: string, params: object): void;
  /** Both ends are closed. */
  onClosed(): void;
}

/** Longest time in which nothing moves on a stream whose app is gone, in milliseconds. */
const orphanMs = 60_000;

/**
 * Joins an app's socket and a stream of the mesh. Each direction ends for itself: that of the app when it has said how
 * many bytes it has sent and as many have come, that of the mesh when the stream ends. Everything else resets both.
 *
 * The app may pass a socket of its own that goes on in the place of this one: see {@link StreamBridge.pass}.
 */
export class StreamBridge {
  readonly #socket: WideSocket;
  readonly #stream: MeshStream;
  readonly #options: BridgeOptions;
  #announced: number | undefined;
  #socketEnded = false;
  #streamEnded = false;
  #over = false;
  #late: NodeJS.Timeout | undefined;
  #passed: WideSocket | undefined;
  /** The socket that was passed carries the stream. */
  #goesOn = false;

  constructor(socket: WideSocket, stream: MeshStream, options: BridgeOptions) {
    this.#socket = socket;
    this.#stream = stream;
    this.#options = options;
    socket.once('end', () => {
      this.#socketEnded = true;
      this.#judge();
    });
    socket.once('error', (error) => this.#fail(`the app has ended the stream: ${error.message}`));
    socket.once('close', () => this.#closed(this.#socketEnded && socket.writableFinished));
    stream.once('end', this.#finish);
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

  /** Sends the app no more of the stream until {@link unhold}. @returns undefined when a direction has ended already */
  hold(): Held | undefined {
    if (this.#over || this.#socketEnded || this.#streamEnded || this.#passed) return undefined;
    this.#stream.unpipe(this.#socket);
    return { bytes: this.#socket.bytesWritten - this.#options.before.sent };
  }

  unhold(): void {
    if (!this.#over && !this.#passed) this.#stream.pipe(this.#socket, { end: false });
  }

  /**
   * The app's own socket goes on in the place of this one, once the bytes that the app has sent here are in the stream.
   * The stream must be held. @param take the socket that was passed. @throws {MeshError} what `take` throws
   */
  pass(bytes: number, take: () => WideSocket): void {
    try {
      this.#passed = take();
    } catch (error) {
      this.#fail(error instanceof Error ? error.message : String(error));
      return;
    }
    const passed = this.#passed;
    if (this.#over) {
      abort(passed, new MeshError('reset', 'the stream is over'));
      return;
    }
    const look = () => {
      if (this.#over) return;
      const received = this.#socket.bytesRead - this.#options.before.received;
      if (received < bytes || this.#socket.readableLength > 0) return;
      this.#socket.off('data', look);
      if (received > bytes) this.#fail(`${received} bytes came from the app instead of ${bytes}`);
      else void this.#goOn(passed);
    };
    this.#socket.on('data', look);
    look();
  }

  /** Joins the stream with the socket that was passed, to the end of both. */
  async #goOn(passed: WideSocket): Promise<void> {
    const { id, tell } = this.#options;
    const count: SpliceCount = { forth: 0, back: 0 };
    this.#goesOn = true;
    this.#socket.unpipe(this.#stream);
    this.#socket.resume();
    this.#stream.off('end', this.#finish);
    const error = await splice(passed, this.#stream, count);
    if (this.#over) return;
    this.#over = true;
    tell(streamMethods.over, { id, sent: count.forth, received: count.back, reason: error?.message });
    this.#socket.destroy();
  }

  #judge(): void {
    if (!this.#socketEnded || this.#over || this.#passed) return;
    clearTimeout(this.#late);
    const received = this.#socket.bytesRead - this.#options.before.received;
    if (this.#announced === undefined)
      this.#late = setTimeout(() => this.#fail('the app did not say that it was done'), confirmMs);
    else if (this.#announced === received) this.#stream.end();
    else this.#fail(`${received} of ${this.#announced} bytes came from the app`);
  }

  /** The mesh brings no more. The count makes it sure that the app has all of it, whichever it hears of first. */
  readonly #finish = (): void => {
    this.#streamEnded = true;
    if (this.#over) return;
    const { id, before } = this.#options;
    this.#options.tell(streamMethods.end, { id, bytes: this.#socket.bytesWritten - before.sent });
    this.#socket.end();
  };

  #fail(reason: string): void {
    if (this.#over) return;
    this.#options.tell(streamMethods.reset, { id: this.#options.id, reason });
    this.#end(new MeshError('reset', reason));
  }

  #closed(bothDirectionsEnded: boolean): void {
    if (this.#goesOn) {
      if (this.#socket.closed) this.reset('the app has closed the stream');
    } else if (!bothDirectionsEnded) this.#fail('the stream was cut off');
    if (this.#socket.closed && this.#stream.closed) this.#options.onClosed();
  }

  #end(error: MeshError): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#late);
    this.#stream.destroy(error);
    this.#socket.destroy();
    if (this.#passed) abort(this.#passed, error);
  }
}
