import { type FileHandle, open } from 'node:fs/promises';
import { ImageError } from '../../error.ts';
import { readPartitions } from '../partitions.ts';
import { ext4Extents } from './ext4.ts';
import { type Extent, joined } from './extents.ts';
import { fatExtents } from './fat.ts';
import { squashfsExtents } from './squashfs.ts';

/** The smallest thing that is written. */
const BLOCK = 4096;

/**
 * What has to be on a card of an image of ours, in order, in whole blocks of 4096 bytes. Holes of the file do not tell: an
 * empty journal is one, and a card whose journal still has an older system's entries there may play those back. So the
 * file systems are asked what they use.
 *
 * @throws {ImageError} when it has no partition table, or a damaged file system
 */
export async function usedExtents(image: string): Promise<Extent[]> {
  const partitions = await readPartitions(image);
  await using file = await open(image);
  const { size } = await file.stat();
  const first = Math.min(size, ...partitions.map(({ offset }) => offset));
  const end = Math.max(first, ...partitions.map(({ offset, size: length }) => offset + length));
  // All of what is before and behind the partitions: tables, boot loaders, and where they look for their settings.
  const used = [
    { offset: 0, length: first },
    { offset: end, length: size - end },
  ];
  for (const { name, offset, size: length } of partitions) {
    if (offset + length > size) throw new ImageError(`${image}: its partition ${name} is cut off`);
    for (const extent of await extentsIn(file, image, offset, length))
      used.push({ ...extent, offset: offset + extent.offset });
  }
  return joined(used, BLOCK, size);
}

/** Relative to the partition. What no file system claims is used as a whole. */
async function extentsIn(file: FileHandle, image: string, offset: number, size: number): Promise<Extent[]> {
  const { buffer: head } = await file.read(
    Buffer.alloc(Math.min(size, 2048)),
    0,
    Math.min(size, 2048),
    offset,
  );
  const used = squashfsExtents(head) ??
    (await fatExtents(head, file, offset)) ??
    (await ext4Extents(head, image, offset)) ?? [{ offset: 0, length: size }];
  const beyond = used.find((extent) => extent.offset + extent.length > size);
  if (beyond !== undefined) throw new ImageError(`${image}: the file system at byte ${offset} is damaged`);
  return used;
}
