import { open } from 'node:fs/promises';
import { run } from '../../image/run.ts';
import { MeasureError } from './process.ts';

/** The superblock's magic number, and where it holds the size: Documentation of squashfs-tools, format 4.0. */
const MAGIC = 'hsqs';
const BYTES_USED = 40;

interface PartitionTable {
  partitiontable: { sectorsize: number; partitions: { name?: string; start: number }[] };
}

/** Size of the squashfs in the partition of that name, bytes; the rest of the partition is empty. */
export async function squashfsBytes(image: string, partition: string): Promise<number> {
  const { stdout } = await run('sfdisk', ['--json', image]);
  const { partitiontable }: PartitionTable = JSON.parse(stdout);
  const found = partitiontable.partitions.find(({ name }) => name === partition);
  if (found === undefined) throw new MeasureError(`${image} has no partition ${partition}`);
  await using file = await open(image, 'r');
  const superblock = Buffer.alloc(96);
  await file.read(superblock, 0, superblock.length, found.start * partitiontable.sectorsize);
  if (superblock.toString('latin1', 0, 4) !== MAGIC) throw new MeasureError(`${partition} holds no squashfs`);
  return Number(superblock.readBigUInt64LE(BYTES_USED));
}
