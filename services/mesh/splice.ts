import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** Bytes that went through, counted as they go: several splices may share one. */
export interface SpliceCount {
  /** From the first stream to the second. */
  forth: number;
  back: number;
}

/** Bytes that each end of a splice should buffer, for the `highWaterMark` of whoever makes the streams. */
export const spliceBufferBytes = 256 * 1024;

/**
 * Joins two streams: what comes from either is written to the other, as it came and no faster than it is taken. The end
 * of one direction ends that direction alone. A stream that breaks breaks the other, by RST where it is TCP, so that
 * nobody takes the half of something for the whole; but what had come to its proper end is still delivered.
 *
 * Both streams are owned from the call on, and must be made with `allowHalfOpen`.
 * @returns when both are closed: the error that ended them, or nothing
 */
export async function splice(
  one: Duplex,
  other: Duplex,
  count: SpliceCount = { forth: 0, back: 0 },
): Promise<Error | undefined> {
  pump(one, other, (bytes) => {
    count.forth += bytes;
  });
  pump(other, one, (bytes) => {
    count.back += bytes;
  });
  const [first, second] = await Promise.all([closing(one, other), closing(other, one)]);
  return first ?? second;
}

/** Breaks a stream off so that its other end cannot take this for a proper end. @param reason for those who are told one */
export function abort(stream: Duplex, reason: Error): void {
  // A Unix socket has no port and knows no RST; a subclass, as of a stream of the mesh, has its own way to tell.
  const plain = stream instanceof Socket && stream.constructor === Socket;
  if (plain && stream.remotePort !== undefined) stream.resetAndDestroy();
  else stream.destroy(reason);
}

function pump(from: Duplex, to: Duplex, count: (bytes: number) => void): void {
  from.on('data', (chunk: Buffer) => {
    count(chunk.length);
    // What comes once the other end is gone is for nobody; `closing` ends this end too.
    if (to.writable && !to.write(chunk)) from.pause();
  });
  to.on('drain', () => from.resume());
  // A socket with nothing left to read ends even while it is paused.
  if (from.readableEnded) to.end();
  else from.once('end', () => to.end()).resume();
}

/** Resolves when `stream` has closed; then sees to the other one. */
function closing(stream: Duplex, other: Duplex): Promise<Error | undefined> {
  const { promise, resolve } = Promise.withResolvers<Error | undefined>();
  let failure: Error | undefined;
  const closed = () => {
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

/** All that there was for this stream is written to it; what it says itself nobody hears any more. */
function finish(stream: Duplex): void {
  stream.resume();
  if (stream.writableFinished || stream.destroyed) stream.destroy();
  else stream.once('finish', () => stream.destroy());
}
