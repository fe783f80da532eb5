import type { Duplex } from 'node:stream';
import { maxLineBytes } from './first-line.ts';
import { MeshError } from './types.ts';

const newline = 0x0a;

export interface Line {
  text: string;
  /** Its length in bytes, with the newline. */
  bytes: number;
}

export interface LineLimits {
  /** Milliseconds for the whole line. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

/**
 * Reads one line of at most {@link maxLineBytes} from a stream that nobody else reads yet. What comes after it stays in
 * the stream, unread.
 * @throws {MeshError} `invalid`, `timeout`, `node-lost` when the stream ends before; or the signal's reason
 */
export function readLine(stream: Duplex, { timeoutMs, signal }: LineLimits): Promise<Line> {
  const { promise, resolve, reject } = Promise.withResolvers<Line>();
  const parts: Buffer[] = [];
  let held = 0;
  const read = () => {
    const chunk: Buffer | null = stream.read();
    if (chunk === null) return;
    const end = chunk.indexOf(newline);
    const taken = end === -1 ? chunk : chunk.subarray(0, end + 1);
    parts.push(taken);
    held += taken.length;
    if (held > maxLineBytes) reject(new MeshError('invalid', `the line has more than ${maxLineBytes} bytes`));
    else if (end !== -1) {
      stop();
      if (taken.length < chunk.length) stream.unshift(chunk.subarray(taken.length));
      resolveText(Buffer.concat(parts), resolve, reject);
    }
  };
  const lost = () => {
    const cause = stream.errored;
    if (cause instanceof MeshError) reject(cause);
    else reject(new MeshError('node-lost', 'the other end closed the connection', { cause }));
  };
  const abort = () => reject(signal?.reason);
  const expire = () => reject(new MeshError('timeout', `no line within ${timeoutMs / 1000} s`));
  const timer = setTimeout(expire, timeoutMs);
  const stop = () => {
    clearTimeout(timer);
    stream.off('readable', read).off('end', lost).off('close', lost);
    signal?.removeEventListener('abort', abort);
  };
  stream.on('readable', read).once('end', lost).once('close', lost);
  signal?.addEventListener('abort', abort, { once: true });
  if (signal?.aborted) abort();
  else if (stream.destroyed) lost();
  else read();
  return promise.finally(stop);
}

const decoder = new TextDecoder('utf-8', { fatal: true });

function resolveText(line: Buffer, resolve: (line: Line) => void, reject: (error: MeshError) => void): void {
  try {
    resolve({ text: decoder.decode(line), bytes: line.length });
  } catch (cause) {
    reject(new MeshError('invalid', 'the line is not UTF-8', { cause }));
  }
}
