import type { Duplex } from 'node:stream';
import type { Decoded } from './protocol.ts';

/** A stream ended, broke or was given up before a whole message had come. */
export class MessageMissing extends Error {
  override readonly name = 'MessageMissing';
}

/**
 * Reads one message and leaves what comes after it in the stream, which is paused then.
 * @param decode bounds the message by itself: it returns or throws before it has been given much
 * @param what names the message in errors
 * @throws {MessageMissing} or what `decode` throws. The stream stays the caller's
 */
export function readMessage<T>(
  stream: Duplex,
  decode: (bytes: Buffer) => Decoded<T>,
  { what, signal }: { what: string; signal: AbortSignal },
): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  let bytes: Buffer = Buffer.alloc(0);
  const onData = (chunk: Buffer) => {
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
    try {
      const decoded = decode(bytes);
      if (!decoded) return;
      leave();
      if (decoded.length < bytes.length) stream.unshift(bytes.subarray(decoded.length));
      resolve(decoded.value);
    } catch (error) {
      fail(error);
    }
  };
  const onEnd = () => fail(new MessageMissing(`the stream ended before the ${what}`));
  const onClose = () => fail(new MessageMissing(`the stream broke before the ${what}`));
  const onAbort = () => fail(new MessageMissing(`gave up waiting for the ${what}`, { cause: signal.reason }));
  const leave = () => {
    stream.off('data', onData).off('end', onEnd).off('close', onClose).pause();
    signal.removeEventListener('abort', onAbort);
  };
  const fail = (error: unknown) => {
    leave();
    reject(error);
  };
  if (signal.aborted) onAbort();
  else if (stream.closed) onClose();
  else if (stream.readableEnded) onEnd();
  else {
    signal.addEventListener('abort', onAbort, { once: true });
    stream.on('data', onData).once('end', onEnd).once('close', onClose).resume();
  }
  return promise;
}
