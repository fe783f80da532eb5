import { randomBytes } from 'node:crypto';
import type { MeshStream } from '../mesh/index.ts';

/** What came back is not what was sent. */
export class NotAnEcho extends Error {
  override readonly name = 'NotAnEcho';
}

/**
 * Sends bytes there and waits until they are back.
 * @returns milliseconds that it took
 * @throws {NotAnEcho} or the stream's MeshError
 */
export async function roundTrip(stream: MeshStream, bytes: number): Promise<number> {
  const sent = randomBytes(bytes);
  const start = performance.now();
  stream.write(sent);
  const received = await readExactly(stream, bytes);
  const took = performance.now() - start;
  if (!received.equals(sent)) throw new NotAnEcho('the other end returns something else than it got');
  return took;
}

async function readExactly(stream: MeshStream, bytes: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let held = 0;
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
    parts.push(chunk);
    held += chunk.length;
    if (held >= bytes) return Buffer.concat(parts);
  }
  throw new NotAnEcho('the other end ended the stream');
}

/** `min 1.02ms, median 1.10ms, max 2.31ms` out of milliseconds. */
export function summary(times: readonly number[]): string {
  const sorted = times.toSorted((one, other) => one - other);
  const at = (part: number) => formatMilliseconds(sorted[Math.floor(part * (sorted.length - 1))] ?? 0);
  return `min ${at(0)}, median ${at(0.5)}, max ${at(1)}`;
}

export function formatMilliseconds(milliseconds: number): string {
  return `${milliseconds.toFixed(2)}ms`;
}
