import { Socket } from 'node:net';
import { streamBufferBytes } from '../net/transport/transport.ts';
import { integer, shape, text } from '../signal/shape.ts';
import { MeshError, type MeshStream, type Remote } from './types.ts';

/** What both ends of an app's connection tell each other about its streams, by number. */
export const streamMethods = {
  /** {@link StreamEnd}: no more comes in this direction. */
  end: 'stream.end',
  /** {@link StreamReset}: the stream, or channel, is over in both directions. */
  reset: 'stream.reset',
} as const;

export interface StreamEnd {
  id: number;
  /** Bytes of the stream that were sent in this direction, from its beginning. */
  bytes: number;
}

export interface StreamReset {
  id: number;
  reason: string;
}

export const streamEndShape = shape(
  (fields): StreamEnd => ({ id: integer(fields, 'id', 1), bytes: integer(fields, 'bytes', 0) }),
);

export const streamResetShape = shape(
  (fields): StreamReset => ({ id: integer(fields, 'id', 1), reason: text(fields, 'reason').slice(0, 500) }),
);

/** Longest time between the end of a socket and the word that it was meant to end, in milliseconds. */
export const confirmMs = 10_000;

/** Options of a socket between app and node: both directions end for themselves, and nothing waits to be collected. */
export const socketOptions = { allowHalfOpen: true, noDelay: true, highWaterMark: streamBufferBytes };

/** Tells the other end of the app's connection. */
export type Tell = (method: string, params: StreamEnd | StreamReset) => void;

/**
 * A stream at the app's end: the socket to the node itself.
 *
 * The end of a socket looks the same whether the other end meant it or was killed. So an end is believed only when the
 * node has told over the app's connection how many bytes there are, and that many have come.
 */
export class MeshSocket extends Socket implements MeshStream {
  readonly id: number;
  readonly #tell: Tell;
  #remote: Remote | undefined;
  /** Bytes that the socket carried before the stream's own. */
  #before = { sent: 0, received: 0 };
  /** What the node says it has sent, once it has sent all. */
  #announced: number | undefined;
  #socketEnded = false;
  #complete = false;
  #over = false;
  #late: NodeJS.Timeout | undefined;

  constructor(id: number, tell: Tell) {
    super(socketOptions);
    this.id = id;
    this.#tell = tell;
  }

  get remote(): Remote {
    if (this.#remote === undefined) throw new Error('this stream is not open yet');
    return this.#remote;
  }

  /** From here on the socket carries the stream. @param before bytes of the lines that opened it */
  open(remote: Remote, before: { sent: number; received: number }): void {
    this.#remote = remote;
    this.#before = before;
  }

  /** The node says that it has sent this many bytes and ends its direction. */
  announceEnd(bytes: number): void {
    this.#announced = bytes;
    this.#judge();
  }

  /** The stream is over, and nobody needs to be told. */
  cutOff(error: MeshError): void {
    if (this.#complete && this.writableFinished) return;
    this.#over = true;
    this.destroy(error);
  }

  /** The socket's own way to hand over what has come; null is its end. */
  override push(chunk: unknown, encoding?: BufferEncoding): boolean {
    if (chunk !== null) return super.push(chunk, encoding);
    this.#socketEnded = true;
    if (this.#remote === undefined) this.cutOff(new MeshError('node-lost', 'the node closed the connection'));
    else this.#judge();
    return false;
  }

  override _final(callback: (error?: Error | null) => void): void {
    if (this.#remote !== undefined)
      this.#tell(streamMethods.end, { id: this.id, bytes: this.bytesWritten - this.#before.sent });
    super._final(callback);
  }

  override destroy(error?: Error): this {
    return super.destroy(error === undefined || this.#remote === undefined ? error : meshErrorOf(error));
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    clearTimeout(this.#late);
    const finished = this.writableFinished && (this.#complete || error === null);
    if (this.#remote !== undefined && !this.#over && !finished)
      this.#tell(streamMethods.reset, { id: this.id, reason: error?.message ?? 'the app closed it' });
    super._destroy(error, callback);
  }

  #judge(): void {
    if (!this.#socketEnded || this.#complete || this.destroyed) return;
    const received = this.bytesRead - this.#before.received;
    if (this.#announced === undefined)
      this.#late ??= setTimeout(
        () => this.cutOff(new MeshError('reset', 'the connection to the node was cut off')),
        confirmMs,
      );
    else if (this.#announced !== received)
      this.cutOff(new MeshError('reset', `${received} of ${this.#announced} bytes came from the node`));
    else {
      clearTimeout(this.#late);
      this.#complete = true;
      super.push(null);
    }
  }
}

/** What the system says of the socket, in the words of the mesh; an error of the app's own is left as it is. */
function meshErrorOf(error: Error): Error {
  if (!('syscall' in error)) return error;
  return new MeshError('reset', `the connection to the node was cut off: ${error.message}`, { cause: error });
}
