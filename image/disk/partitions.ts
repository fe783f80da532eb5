import { ImageError } from '../error.ts';
import { run } from '../run.ts';

/** Where a partition lies, in bytes. */
export interface Partition {
  /** As the partition table counts. */
  number: string;
  offset: number;
  size: number;
}

interface PartitionTable {
  partitiontable: {
    sectorsize?: number;
    partitions: { node: string; name?: string; start: number; size: number }[];
  };
}

/**
 * Finds a partition of a raw image or of a card by its name.
 *
 * @throws {ImageError} when there is none
 */
export async function findPartition(card: string, name: string): Promise<Partition> {
  const { stdout } = await run('sfdisk', ['--json', card]);
  const { partitiontable }: PartitionTable = JSON.parse(stdout);
  const found = partitiontable.partitions.find((partition) => partition.name === name);
  if (found === undefined)
    throw new ImageError(`${card} has no partition ${name}: it is no image of a Skyminer.`);
  const { sectorsize = 512 } = partitiontable;
  const number = found.node.slice(card.length);
  return { number, offset: found.start * sectorsize, size: found.size * sectorsize };
}
