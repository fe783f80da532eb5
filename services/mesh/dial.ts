import { once } from 'node:events';
import type { Socket } from 'node:net';
import { parseAddress } from '../net/address.ts';
import { Backoff } from '../signal/backoff.ts';
import { pause } from '../signal/pause.ts';
import type { Shape } from '../signal/shape.ts';
import { type FirstLine, formatFirstLine, maxLineBytes, parseAnswer } from './first-line.ts';
import { readLine } from './line.ts';
import { MeshError } from './types.ts';

/** How long a node that is busy with other connections is tried, in milliseconds. */
const busyMs = 30_000;

/** Longest time in which a node answers the first line, in milliseconds. A node itself gives up sooner. */
const answerTimeoutMs = 40_000;

/**
 * Connects a new socket to a node's app port.
 * @param node HOST:PORT, or the path of a Unix socket (with a `/` in it)
 * @throws {MeshError} `node-lost`; or the signal's reason
 */
export async function dialNode<S extends Socket>(
  node: string,
  make: () => S,
  signal: AbortSignal,
): Promise<S> {
  const where = node.includes('/') ? { path: node } : parseAddress(node);
  const backoff = new Backoff({ firstMs: 1, maxMs: 100 });
  const start = performance.now();
  for (;;) {
    signal.throwIfAborted();
    const socket = make();
    try {
      // For good: what goes wrong later is in `socket.errored`, and told again by whoever uses the socket.
      socket.on('error', () => undefined);
      socket.connect(where);
      await once(socket, 'connect', { signal });
      return socket;
    } catch (cause) {
      socket.destroy();
      signal.throwIfAborted();
      // The queue of a Unix socket is full: many connect at the same moment.
      if (performance.now() - start >= busyMs || !isBusy(cause)) throw unreachable(node, cause);
      await pause(backoff.next(), signal);
    }
  }
}

export interface Introduced<T> {
  answer: T;
  /** Bytes of the line that was sent, and of the answer. */
  sent: number;
  received: number;
}

/**
 * Says what a connection is for, and reads the answer. The socket is destroyed when this fails.
 * @throws {MeshError} what the node answers; or the signal's reason
 */
export async function introduce<T>(
  socket: Socket,
  first: FirstLine,
  answer: Shape<T>,
  signal: AbortSignal,
): Promise<Introduced<T>> {
  try {
    const line = Buffer.from(`${formatFirstLine(first)}\n`);
    if (line.length > maxLineBytes)
      throw new MeshError('invalid', `the list of keys is too long: ${line.length} of ${maxLineBytes} bytes`);
    socket.write(line);
    const { text, bytes } = await readLine(socket, { timeoutMs: answerTimeoutMs, signal });
    return { answer: parseAnswer(text, answer), sent: line.length, received: bytes };
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EAGAIN';
}

function unreachable(node: string, cause: unknown): MeshError {
  const why = cause instanceof Error && cause.message !== '' ? cause.message : String(cause);
  return new MeshError('node-lost', `no node answers on ${node}: ${why}; is it running?`, { cause });
}
