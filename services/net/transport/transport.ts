import type { Duplex } from 'node:stream';

/**
 * What carries the bytes of a session between two machines. Every transport keeps what `compliance.ts` of its tests
 * lists, and an end of its streams ends both directions: there is no half-closed stream. What was sent before `end()`
 * arrives; what the other end sends after it may not.
 */
export interface Transport {
  /** As in `tcp://HOST:PORT`. */
  readonly scheme: string;
  /** @param address `HOST:PORT`. @throws {TransportError} or the signal's reason; nothing is left open then */
  dial(address: string, options?: DialOptions): Promise<Duplex>;
  /**
   * @param address `HOST:PORT`; port 0 is any that is free
   * @param onConnection owns the stream, from within the call
   * @throws {TransportError} when the address is in use or not this machine's
   */
  listen(address: string, onConnection: (stream: Duplex) => void): Promise<Listener>;
}

export interface DialOptions {
  /** Gives the attempt up; has no effect on the stream later. */
  signal?: AbortSignal | undefined;
  /** Milliseconds. Default 10,000. */
  timeoutMs?: number | undefined;
}

export interface Listener {
  /** `HOST:PORT` with the port that it has. */
  readonly address: string;
  /** Takes no connections any more; those that it has handed over stay. The address is free then. */
  close(): Promise<void>;
}

/** An address that cannot be dialled or listened on. */
export class TransportError extends Error {
  override readonly name = 'TransportError';
  readonly address: string;

  constructor(address: string, what: string, options?: ErrorOptions) {
    super(`${address}: ${what}`, options);
    this.address = address;
  }
}

/** Bytes that a stream takes before it asks its writer to wait: some records of a link. */
export const streamBufferBytes = 256 * 1024;

const defaultTimeoutMs = 10_000;

/**
 * Waits for a connection to come up.
 *
 * @param attempt says when it is up or has failed; `release` ends it, also after it has failed
 * @throws {TransportError} or the signal's reason, and `release` was called then
 */
export async function dialWithin<T>(
  address: string,
  { signal, timeoutMs = defaultTimeoutMs }: DialOptions,
  attempt: Promise<T>,
  release: () => void,
): Promise<T> {
  const { promise: given, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal?.reason);
  const timer = setTimeout(
    () => reject(new TransportError(address, `no connection within ${timeoutMs / 1000} s`)),
    timeoutMs,
  );
  signal?.addEventListener('abort', abort, { once: true });
  if (signal?.aborted) abort();
  try {
    return await Promise.race([attempt, given]);
  } catch (error) {
    release();
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}

/** What a system's error means to whoever gave the address. */
export function explain(address: string, verb: 'dial' | 'listen', cause: unknown): TransportError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const message = cause instanceof Error && cause.message !== '' ? cause.message : String(cause);
  const what = { ...meanings, ...(verb === 'dial' ? {} : listenMeanings) }[code] ?? message;
  return new TransportError(address, what, { cause });
}

const meanings: Record<string, string> = {
  ECONNREFUSED: 'nobody listens there',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'the name cannot be resolved now; is there a name server?',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  ETIMEDOUT: 'the host does not answer',
};

const listenMeanings: Record<string, string> = {
  EADDRINUSE: 'the address is in use already',
  EADDRNOTAVAIL: 'the address is not one of this machine',
  EACCES: 'this user may not listen there',
};
