import { createHash } from 'node:crypto';
import type { BufferPool } from '../buffer-pool.ts';
import { FlashError } from '../error.ts';
import type { Card } from './card.ts';

/** What was written, for comparing. */
export interface Written {
  offset: number;
  /** No more than a buffer of the pool. */
  length: number;
  /** In hexadecimal. */
  sha256: string;
}

/**
 * Reads from the card what was written to it.
 *
 * @throws {FlashError} when any of it is something else; all of it is read, so that the message says how much
 */
export async function readBack(
  card: Card,
  written: readonly Written[],
  pool: BufferPool,
  each: (bytes: number) => void,
): Promise<void> {
  const wrong: Written[] = [];
  for (const part of written) {
    const { offset, length, sha256 } = part;
    const isSame = await pool.lend(async (buffer) => {
      const content = await card.read(buffer, length, offset);
      return createHash('sha256').update(content).digest('hex') === sha256;
    });
    if (!isSame) wrong.push(part);
    each(length);
  }
  const [first] = wrong;
  if (first === undefined) return;
  throw new FlashError(
    `${card.path} did not keep what was written: ${wrong.length} of ${written.length} parts differ, the first from byte ${first.offset} to ${first.offset + first.length - 1}: use another card`,
  );
}
