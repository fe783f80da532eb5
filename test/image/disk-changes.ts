import { open } from 'node:fs/promises';
import { findPartition, readPartitions } from '../../image/disk/partitions.ts';
import { COPY_OFFSETS, COPY_SIZE, decodeCopy, type SlotState } from '../../image/disk/state.ts';
import { run } from '../../image/run.ts';

/** Turns one bit of a copy of the slot state. */
export async function breakStateCopy(image: string, copy: 0 | 1): Promise<void> {
  const { offset } = await findPartition(image, 'state');
  const at = offset + COPY_OFFSETS[copy] + 20;
  await using file = await open(image, 'r+');
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, at);
  await file.write(Buffer.of((buffer[0] ?? 0) ^ 1), 0, 1, at);
}

export async function readStateCopies(image: string): Promise<(SlotState | undefined)[]> {
  const { offset } = await findPartition(image, 'state');
  await using file = await open(image, 'r');
  const copies = COPY_OFFSETS.map(async (at) => {
    const { buffer } = await file.read(Buffer.alloc(COPY_SIZE), 0, COPY_SIZE, offset + at);
    return decodeCopy(buffer);
  });
  return Promise.all(copies);
}

export async function writeStateCopy(image: string, copy: 0 | 1, content: Uint8Array): Promise<void> {
  const { offset } = await findPartition(image, 'state');
  await using file = await open(image, 'r+');
  await file.write(content, 0, content.length, offset + COPY_OFFSETS[copy]);
}

/** Leaves `data` as images made it that knew no quotas. */
export async function takeQuotasAway(image: string): Promise<void> {
  const { offset } = await findPartition(image, 'data');
  await run('tune2fs', ['-O', '^quota', `${image}?offset=${offset}`]);
}

/** Overwrites a partition with zeros, its first mebibyte or all of it, where a file system has copies of what counts. */
export async function wipePartition(
  image: string,
  name: string,
  part: 'beginning' | 'whole' = 'beginning',
): Promise<void> {
  const { offset, size } = await findPartition(image, name);
  if (part === 'whole') {
    await run('fallocate', ['--punch-hole', '--offset', String(offset), '--length', String(size), image]);
    return;
  }
  await using file = await open(image, 'r+');
  await file.write(Buffer.alloc(1024 * 1024), 0, 1024 * 1024, offset);
}

/** Takes a partition out of the table. */
export async function deletePartition(image: string, name: string): Promise<void> {
  const index = (await readPartitions(image)).findIndex((partition) => partition.name === name);
  await run('sfdisk', ['--quiet', '--delete', image, String(index + 1)]);
}
