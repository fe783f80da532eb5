import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { run } from '../../../../image/run.ts';
import { recover } from '../../../../scripts/endurance/power/judge.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'judge-'));
});

afterEach(() => rm(folder, { recursive: true }));

/** A file system of whose superblock the second sector is another one's. */
async function tornDisk(size: string): Promise<string> {
  const disk = join(folder, 'disk');
  await run('mke2fs', ['-q', '-F', '-t', 'ext4', '-b', '4096', disk, size]);
  await using file = await open(disk, 'r+');
  await file.write(Buffer.alloc(512, 1), 0, 512, 1024 + 512);
  return disk;
}

it('goes on with the copy of a superblock that a power cut has torn, as a board does', async () => {
  await recover(await tornDisk('160M'));
});

it('finds a disk lost that has no such copy', async () => {
  await expect(tornDisk('64M').then(recover)).rejects.toThrow(/the file system is damaged/);
});

it('finds nothing wrong with a whole one', async () => {
  const disk = join(folder, 'disk');
  await run('mke2fs', ['-q', '-F', '-t', 'ext4', '-b', '4096', disk, '64M']);
  await recover(disk);
});
