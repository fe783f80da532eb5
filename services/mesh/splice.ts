import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** Bytes that went through, counted as they go: several splices may share one. */
export interface SpliceCount {
  /** From the first stream to the second. */
  forth: number;
  back: number;
}

/**
 * Joins two streams: what comes from either is written to the other, as it came and no faster than it is taken. The end
 * of one direction ends that direction alone. A stream that breaks breaks the other, by RST where it is TCP, so that
 * nobody takes the half of something for the whole; but what had come to its proper end is still delivered.
 *
 * Both streams are owned from the call on, and must be made with `allowHalfOpen`.
 * @returns when both are closed: the error that ended them, or nothing
 */
export function splice(
  one: Duplex,
  other: Duplex,
  count: SpliceCount = { forth: 0, back: 0 },
): Promise<Error | undefined> {
  return new Splice(one, other, count).closed;
}

/** A splice that can be left again. */
export class Splice {
  /** Resolves when both are closed, with the error that ended them, or nothing. Never when it was left. */
  readonly closed: Promise<Error | undefined>;
  readonly #forth: Pump;
  readonly #back: Pump;
  #left = false;

  constructor(one: Duplex, other: Duplex, count: SpliceCount) {
    this.#forth = new Pump(one, other, (bytes) => {
      count.forth += bytes;
    });
    this.#back = new Pump(other, one, (bytes) => {
      count.back += bytes;
    });
    this.closed = Promise.all([this.#closing(one, other), this.#closing(other, one)]).then(
      ([first, second]) => first ?? second,
    );
  }

  /** Told whenever something was moved or written out; undefined is nobody. */
  set onProgress(listener: (() => void) | undefined) {
    this.#forth.onProgress = listener;
    this.#back.onProgress = listener;
  }

  /** Moves what was read of the first stream, and takes nothing more from it for now. */
  hold(): void {
    this.#forth.hold();
  }

  unhold(): void {
    this.#forth.unhold();
  }

  /** Whether everything that was read from either is out of this process. */
  get quiet(): boolean {
    return this.#forth.quiet && this.#back.quiet;
  }

  /** Whether both directions are open. */
  get open(): boolean {
    return this.#forth.open && this.#back.open;
  }

  /** Lets go of both streams, which are the caller's again. */
  leave(): void {
    this.#left = true;
    this.onProgress = undefined;
    this.#forth.leave();
    this.#back.leave();
  }

  /** Resolves when `stream` has closed; then sees to the other one. */
  #closing(stream: Duplex, other: Duplex): Promise<Error | undefined> {
    const { promise, resolve } = Promise.withResolvers<Error | undefined>();
    let failure: Error | undefined;
    const closed = () => {
      if (this.#left) return;
      if (stream.readableEnded) finish(other);
      else abort(other, failure ?? new Error('the stream was closed before its end'));
      resolve(failure);
    };
    stream.on('error', (error) => {
      failure ??= error;
    });
    if (stream.closed) closed();
    else stream.once('close', closed);
    return promise;
  }
}

/** Breaks a stream off so that its other end cannot take this for a proper end. @param reason for those who are told one */
export function abort(stream: Duplex, reason: Error): void {
  // A Unix socket has no port and knows no RST; a stream of the mesh has its own way to tell.
  if (stream instanceof Socket && !('remote' in stream) && stream.remotePort !== undefined)
    stream.resetAndDestroy();
  else stream.destroy(reason);
}

/** One direction of a splice. */
class Pump {
  onProgress: (() => void) | undefined;
  readonly #from: Duplex;
  readonly #to: Duplex;
  readonly #count: (bytes: number) => void;
  #held = false;

  constructor(from: Duplex, to: Duplex, count: (bytes: number) => void) {
    this.#from = from;
    this.#to = to;
    this.#count = count;
    from.on('data', this.#move);
    to.on('drain', this.#resume);
    // A socket with nothing left to read ends even while it is paused.
    if (from.readableEnded) to.end();
    else from.once('end', this.#end).resume();
  }

  get quiet(): boolean {
    return this.#from.readableLength === 0 && this.#to.writableLength === 0;
  }

  get open(): boolean {
    return !this.#from.readableEnded && !this.#from.destroyed && this.#to.writable;
  }

  hold(): void {
    this.#held = true;
    // A stream that was resumed just before reads once more, whether it is paused or not.
    if (this.#from.readableLength > 0) this.#from.read();
    this.#from.pause();
  }

  unhold(): void {
    this.#held = false;
    this.#resume();
  }

  leave(): void {
    this.#from.off('data', this.#move).off('end', this.#end);
    this.#to.off('drain', this.#resume);
  }

  readonly #move = (chunk: Buffer): void => {
    this.#count(chunk.length);
    // What comes once the other end is gone is for nobody; closing ends this end too.
    if (this.#to.writable && !this.#to.write(chunk, this.#written)) this.#from.pause();
    this.onProgress?.();
  };

  readonly #written = (): void => this.onProgress?.();

  readonly #resume = (): void => {
    if (!this.#held && !this.#to.writableNeedDrain) this.#from.resume();
  };

  readonly #end = (): void => {
    this.#to.end();
    this.onProgress?.();
  };
}

/** All that there was for this stream is written to it; what it says itself nobody hears any more. */
function finish(stream: Duplex): void {
  stream.resume();
  if (stream.writableFinished || stream.destroyed) stream.destroy();
  else stream.once('finish', () => stream.destroy());
}
