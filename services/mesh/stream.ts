import { Socket } from 'node:net';
import { streamBufferBytes } from '../net/transport/transport.ts';
import { integer, optionalText, shape, text } from '../signal/shape.ts';
import { MeshError, type MeshStream, type Remote } from './types.ts';

/** What both ends of an app's connection tell each other about its streams, by number. */
export const streamMethods = {
  /** {@link StreamEnd}: no more comes in this direction. */
  end: 'stream.end',
  /** {@link StreamReset}: the stream, or channel, is over in both directions. */
  reset: 'stream.reset',
  /** By the app, {@link StreamHold} → {@link Held}: the node sends no more on the stream's socket until it is told to. */
  hold: 'stream.hold',
  /** By the app, {@link StreamHold}: the node goes on as before. */
  unhold: 'stream.unhold',
  /** By the app, {@link StreamPass}: the socket that it has sent goes on in its place. */
  pass: 'stream.pass',
  /** By the node, {@link StreamOver}: a stream that was passed has ended in both directions, or was reset. */
  over: 'stream.over',
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

export interface StreamHold {
  id: number;
}

export interface Held {
  /** Bytes of the stream that the node has sent on its socket. */
  bytes: number;
}

export interface StreamPass {
  id: number;
  /** Bytes of the stream that the app has sent on its socket. */
  bytes: number;
}

export interface StreamOver {
  id: number;
  /** Bytes that went from the socket to the mesh since it was passed, and the other way. */
  sent: number;
  received: number;
  /** Why it was reset; undefined when both directions came to their ends. */
  reason: string | undefined;
}

export const streamHoldShape = shape((fields): StreamHold => ({ id: integer(fields, 'id', 1) }));

export const heldShape = shape((fields): Held => ({ bytes: integer(fields, 'bytes', 0) }));

export const streamPassShape = shape(
  (fields): StreamPass => ({ id: integer(fields, 'id', 1), bytes: integer(fields, 'bytes', 0) }),
);

export const streamOverShape = shape(
  (fields): StreamOver => ({
    ...{ id: integer(fields, 'id', 1), sent: integer(fields, 'sent', 0) },
    ...{ received: integer(fields, 'received', 0), reason: optionalText(fields, 'reason')?.slice(0, 500) },
  }),
);

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
export type Tell = (method: string, params: StreamEnd | StreamReset | StreamHold | StreamPass) => void;

/** Hands sockets over to the node, which then moves the bytes between them and the mesh by itself. */
export interface Passer {
  /** Asks the node to hold what it sends on a stream's socket. @throws why it does not */
  hold(id: number): Promise<Held>;
  /** Sends an open descriptor for the stream with this number. @throws {DescriptorError} when nothing was sent */
  send(id: number, descriptor: number): void;
}

/**
 * A stream at the app's end: the socket to the node itself.
 *
 * The end of a socket looks the same whether the other end meant it or was killed. So an end is believed only when the
 * node has told over the app's connection how many bytes there are, and that many have come.
 */
export class MeshSocket extends Socket implements MeshStream {
  readonly id: number;
  readonly passer: Passer | undefined;
  readonly #tell: Tell;
  readonly #passed = Promise.withResolvers<StreamOver>();
  #remote: Remote | undefined;
  /** Bytes that the socket carried before the stream's own. */
  #before = { sent: 0, received: 0 };
  /** What the node says it has sent, once it has sent all. */
  #announced: number | undefined;
  #socketEnded = false;
  #complete = false;
  #over = false;
  #late: NodeJS.Timeout | undefined;

  /** @param passer undefined where the node takes no sockets */
  constructor(id: number, tell: Tell, passer?: Passer) {
    super(socketOptions);
    this.id = id;
    this.#tell = tell;
    this.passer = passer;
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

  /** Bytes of the stream that the socket has carried so far. */
  get carried(): { sent: number; received: number } {
    const { sent, received } = this.#before;
    return { sent: this.bytesWritten - sent, received: this.bytesRead - received };
  }

  /** Goes on as before: nothing was passed. */
  unhold(): void {
    this.#tell(streamMethods.unhold, { id: this.id });
  }

  /**
   * The node moves the bytes from here on; this socket stands for the stream without carrying it.
   * @returns once the stream is over: what the node says of it, or why it does not
   */
  pass(): Promise<StreamOver> {
    this.#tell(streamMethods.pass, { id: this.id, bytes: this.carried.sent });
    return this.#passed.promise;
  }

  /** The node says that a stream that was passed is over. */
  announceOver(over: StreamOver): void {
    this.#over = true;
    this.#passed.resolve(over);
    this.destroy();
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
    this.#passed.resolve({
      id: this.id,
      sent: 0,
      received: 0,
      reason: error?.message ?? 'the app closed it',
    });
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
