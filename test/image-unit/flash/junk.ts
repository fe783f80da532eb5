import { open, writeFile } from 'node:fs/promises';
import type { Extent } from '../../../image/disk/used-blocks/extents.ts';

/** As a card that was in use before. */
export async function fillWithJunk(file: string, size: number): Promise<void> {
  await writeFile(file, Buffer.alloc(size, 'junk'));
}

/** Copies extents, and nothing else. */
export async function keepOnly(from: string, to: string, extents: readonly Extent[]): Promise<void> {
  await using source = await open(from);
  await using target = await open(to, 'r+');
  for (const { offset, length } of extents) {
    const { buffer, bytesRead } = await source.read(Buffer.alloc(length), 0, length, offset);
    await target.write(buffer, 0, bytesRead, offset);
  }
}
