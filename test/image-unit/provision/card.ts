import { open, rm, writeFile } from 'node:fs/promises';
import { run } from '../../../image/run.ts';

const MIB = 1024 * 1024;

/** Where the partitions of a made-up image lie, in bytes. */
export const PLACES = {
  boot: { at: MIB, size: 8 * MIB },
  other: { at: 9 * MIB, size: 4 * MIB },
  data: { at: 13 * MIB, size: 16 * MIB },
};
const SIZE = 32 * MIB;

/** Makes an image that has the partitions `boot` and `data` of a Skyminer's, and another one filled with letters. */
export async function makeCard(file: string): Promise<void> {
  await writeFile(file, '');
  {
    await using handle = await open(file, 'r+');
    await handle.truncate(SIZE);
    await handle.write(Buffer.alloc(PLACES.other.size, 'other'), 0, PLACES.other.size, PLACES.other.at);
  }
  const lines = Object.entries(PLACES).map(
    ([name, { at, size }]) => `start=${at / 512}, size=${size / 512}, name=${name}\n`,
  );
  await run('sfdisk', ['--quiet', file], { input: `label: gpt\n${lines.join('')}` });
  await fill(file, 'boot', (part) => run('mkfs.vfat', ['-n', 'BOOT', part]));
  const options = ['-q', '-F', '-O', 'quota', '-E', 'quotatype=usrquota'];
  await fill(file, 'data', (part) => run('mke2fs', [...options, '-t', 'ext4', part]));
}

async function fill(
  file: string,
  name: 'boot' | 'data',
  make: (part: string) => Promise<unknown>,
): Promise<void> {
  const { at, size } = PLACES[name];
  const part = `${file}.${name}`;
  await run('truncate', ['--size', String(size), part]);
  await make(part);
  await run('dd', [`if=${part}`, `of=${file}`, 'conv=notrunc', 'bs=1M', `seek=${at / MIB}`, 'status=none']);
  await rm(part);
}
