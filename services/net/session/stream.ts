import type { Duplex } from 'node:stream';
import { MAX_SESSION_MESSAGE_BYTES } from './messages.ts';
import {
  type Session,
  SessionInitiator,
  type SessionOptions,
  SessionRefused,
  SessionResponder,
} from './session.ts';

export interface HandshakeLimits {
  /** For the whole handshake, milliseconds. Default 10,000. */
  timeoutMs?: number | undefined;
  /** Gives the handshake up. */
  signal?: AbortSignal | undefined;
}

/** Reads exactly so many bytes of the stream. @throws {SessionRefused} when it ends before, or the signal's reason */
export type Read = (bytes: number) => Promise<Buffer>;

/** What else has to happen, within the time of the handshake, before there is a session. @throws when there is to be none */
export interface Afterwards {
  afterwards?: ((session: Session, read: Read) => Promise<void>) | undefined;
}

const defaultTimeoutMs = 10_000;
const lengthBytes = 2;

/**
 * Makes a session on a stream that this end has opened. What comes after the handshake stays in the stream, unread.
 *
 * @throws {SessionRefused} or the signal's reason; the stream is destroyed then
 */
export function connectSession(
  stream: Duplex,
  options: SessionOptions & HandshakeLimits & Afterwards,
): Promise<Session> {
  return withinLimits(stream, options, async (signal) => {
    const initiator = new SessionInitiator(options);
    writeMessage(stream, initiator.first);
    const { third, session } = initiator.answer(await readMessage(stream, signal));
    writeMessage(stream, third);
    return session;
  });
}

/** The same for a stream that the other end has opened. An end that accepts streams bounds how many do this at a time. */
export function acceptSession(
  stream: Duplex,
  options: SessionOptions & HandshakeLimits & Afterwards,
): Promise<Session> {
  return withinLimits(stream, options, async (signal) => {
    const responder = new SessionResponder(options);
    writeMessage(stream, responder.answer(await readMessage(stream, signal)));
    return responder.finish(await readMessage(stream, signal));
  });
}

async function withinLimits(
  stream: Duplex,
  { timeoutMs = defaultTimeoutMs, signal, afterwards }: HandshakeLimits & Afterwards,
  work: (signal: AbortSignal) => Promise<Session>,
): Promise<Session> {
  // For good: between the handshake and whoever takes the stream then, an error would end the process. It stays in
  // `stream.errored`.
  stream.on('error', () => undefined);
  const limit = new AbortController();
  const expire = () => limit.abort(new SessionRefused(`no handshake within ${timeoutMs / 1000} s`));
  const abort = () => limit.abort(signal?.reason);
  const timer = setTimeout(expire, timeoutMs);
  signal?.addEventListener('abort', abort, { once: true });
  try {
    signal?.throwIfAborted();
    const session = await work(limit.signal);
    await afterwards?.(session, (bytes) => readExactly(stream, bytes, limit.signal));
    return session;
  } catch (error) {
    stream.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}

function writeMessage(stream: Duplex, message: Buffer): void {
  const length = Buffer.alloc(lengthBytes);
  length.writeUInt16BE(message.length);
  stream.write(Buffer.concat([length, message]));
}

async function readMessage(stream: Duplex, signal: AbortSignal): Promise<Buffer> {
  const length = (await readExactly(stream, lengthBytes, signal)).readUInt16BE();
  if (length === 0 || length > MAX_SESSION_MESSAGE_BYTES)
    throw new SessionRefused(
      `the other end announces a message of ${length} bytes: it speaks something else`,
    );
  return readExactly(stream, length, signal);
}

/** @throws {SessionRefused} when the stream ends before, or the signal's reason */
function readExactly(stream: Duplex, bytes: number, signal: AbortSignal): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const read = () => {
    const chunk: Buffer | null = stream.read(bytes);
    if (chunk?.length === bytes) resolve(chunk);
    else if (chunk !== null || stream.destroyed || stream.readableEnded) lost();
  };
  const lost = () => {
    const why = stream.errored === null ? 'the other end closed the connection' : stream.errored.message;
    reject(new SessionRefused(`the handshake was not finished: ${why}`, { cause: stream.errored }));
  };
  const abort = () => reject(signal.reason);
  stream.on('readable', read);
  stream.once('end', lost);
  stream.once('close', lost);
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  else read();
  return promise.finally(() => {
    stream.off('readable', read);
    stream.off('end', lost);
    stream.off('close', lost);
    signal.removeEventListener('abort', abort);
  });
}
