import { BufferPool } from '../../../image/flash/buffer-pool.ts';
import type { Identity } from '../../../image/flash/card/identity.ts';
import { type FlashOptions, flashCards } from '../../../image/flash/flash.ts';
import type { Outcome } from '../../../image/flash/outcome.ts';
import { openSource } from '../../../image/flash/source/source.ts';

export const MIB = 1024 * 1024;

/** Writes an image to devices; small buffers, so that a small image has many pieces. */
export async function flashTo(
  image: string,
  loops: readonly { identity(): Promise<Identity> }[],
  options: Partial<FlashOptions> = {},
): Promise<Outcome[]> {
  const pool = new BufferPool(4 + loops.length, MIB);
  const source = await openSource(image, pool);
  const targets = await Promise.all(
    loops.map(async (loop) => ({ card: await loop.identity(), board: undefined })),
  );
  const signal = new AbortController().signal;
  return flashCards({ source, pool, targets, signal, report: () => undefined, ...options });
}

/** No byte of it is zero, and no two sectors are the same. */
export function madeUpImage(size: number): Buffer {
  const image = Buffer.alloc(size, 0xa5);
  for (let at = 0; at < size; at += 512) image.writeUInt32LE(0x01010101 + at, at);
  return image;
}
