import { open } from 'node:fs/promises';
import { ImageError } from '../error.ts';
import { findPartition } from './partitions.ts';

/** The superblock's magic number, and where it holds `bytes_used`: Documentation of squashfs-tools, format 4.0. */
const MAGIC = 'hsqs';
const BYTES_USED_AT = 40;
/** mksquashfs fills whole ones. */
const BLOCK = 4096;

/**
 * How much of a partition its squashfs takes, in bytes and whole blocks; the rest of the partition means nothing.
 *
 * @throws {ImageError} when there is no such partition, or no squashfs in it
 */
export async function squashfsSize(image: string, partition: string): Promise<number> {
  const { offset, size } = await findPartition(image, partition);
  await using file = await open(image);
  const { buffer } = await file.read(Buffer.alloc(48), 0, 48, offset);
  const used = Math.ceil(Number(buffer.readBigUInt64LE(BYTES_USED_AT)) / BLOCK) * BLOCK;
  if (buffer.toString('latin1', 0, MAGIC.length) !== MAGIC || used > size)
    throw new ImageError(`${image}: there is no squashfs in its partition ${partition}`);
  return used;
}
