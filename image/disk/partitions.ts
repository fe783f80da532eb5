import { type FileHandle, open } from 'node:fs/promises';
import { ImageError } from '../error.ts';

/** Where a partition lies in a disk, bytes. */
export interface Partition {
  name: string;
  offset: number;
  size: number;
}

const SECTOR = 512;
/** The table has 128 entries of 128 bytes unless it says otherwise; nothing sensible has more than this. */
const MAX_TABLE_BYTES = 64 * 1024;

/**
 * The partitions of a disk or of a disk image with a GUID partition table (UEFI specification, 5.3), in the order of the
 * table.
 *
 * @param name what errors call it
 * @throws {ImageError} when there is no such table
 */
export async function readPartitions(disk: string, name = disk): Promise<Partition[]> {
  await using file = await open(disk);
  const header = await bytesAt(file, SECTOR, SECTOR);
  if (header.toString('latin1', 0, 8) !== 'EFI PART')
    throw new ImageError(`${name}: no partition table, so it is no disk image; unpack it if it is packed`);
  const count = header.readUInt32LE(80);
  const length = header.readUInt32LE(84);
  if (length < 128 || count * length > MAX_TABLE_BYTES)
    throw new ImageError(`${name}: its partition table is damaged`);
  const table = await bytesAt(file, Number(header.readBigUInt64LE(72)) * SECTOR, count * length);
  const partitions: Partition[] = [];
  for (let at = 0; at + length <= table.length; at += length) {
    const entry = table.subarray(at, at + length);
    if (entry.subarray(0, 16).every((byte) => byte === 0)) continue;
    const first = Number(entry.readBigUInt64LE(32));
    const last = Number(entry.readBigUInt64LE(40));
    const label = entry.toString('utf16le', 56, 128).replace(/\0.*$/s, '');
    partitions.push({ name: label, offset: first * SECTOR, size: (last - first + 1) * SECTOR });
  }
  return partitions;
}

/** @throws {ImageError} when there is none of this name */
export async function findPartition(disk: string, name: string): Promise<Partition> {
  const found = (await readPartitions(disk)).find((partition) => partition.name === name);
  if (found === undefined) throw new ImageError(`${disk} has no partition ${name}: it is no image of ours`);
  return found;
}

/** What is beyond the end of the file is read as zeros, which make neither a header nor an entry. */
async function bytesAt(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const { buffer } = await file.read(Buffer.alloc(length), 0, length, offset);
  return buffer;
}
