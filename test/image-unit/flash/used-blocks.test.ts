import { mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { usedExtents } from '../../../image/disk/used-blocks/disk.ts';
import { common, joined, without } from '../../../image/disk/used-blocks/extents.ts';
import { run } from '../../../image/run.ts';
import { fillWithJunk, keepOnly } from './junk.ts';

const MIB = 1024 * 1024;

let home: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'used-blocks-'));
});

afterEach(() => rm(home, { recursive: true }));

describe('what a disk image uses', () => {
  it.each<[string, string[]]>([
    ['FAT12', ['mkfs.vfat', '-F', '12']],
    ['FAT16', ['mkfs.vfat', '-F', '16']],
    ['FAT32', ['mkfs.vfat', '-F', '32', '-s', '1']],
  ])('is enough of a %s to read all files of it from a card full of junk', async (_, make) => {
    // A file with zeros inside and at its end: they belong to it.
    const content = Buffer.concat([
      Buffer.alloc(5000, 1),
      Buffer.alloc(90_000),
      Buffer.alloc(10, 2),
      Buffer.alloc(70_000),
    ]);
    await writeFile(join(home, 'file'), content);
    const image = await imageWith(async (part) => {
      await run(make[0] ?? '', [...make.slice(1), part]);
      await run('mcopy', ['-i', part, join(home, 'file'), '::file']);
    });
    const card = await cardOf(image);
    await run('mcopy', ['-n', '-i', `${card}@@${MIB}`, '::file', join(home, 'read')]);
    await run('cmp', [join(home, 'file'), join(home, 'read')]);
    await run('fsck.fat', ['-n', await partOf(card)]);
  });

  it('is enough of an ext4 that it is in order on a card full of junk, its empty journal too', async () => {
    await mkdir(join(home, 'tree'));
    await writeFile(join(home, 'tree/file'), Buffer.alloc(200_000, 'content'));
    const image = await imageWith((part) =>
      run('mke2fs', ['-q', '-F', '-t', 'ext4', '-d', join(home, 'tree'), part]),
    );
    const card = await cardOf(image);
    const part = await partOf(card);
    await run('e2fsck', ['-f', '-n', part]);
    const { stdout: journal } = await run('debugfs', ['-R', 'cat <8>', part]);
    expect(journal).not.toContain('junk');
    const { stdout } = await run('debugfs', ['-R', 'cat /file', part]);
    expect(stdout).toBe('content'.repeat(200_000 / 7 + 1).slice(0, 200_000));
  });

  it('is a squashfs to its end, and nothing behind it', async () => {
    await mkdir(join(home, 'tree'));
    await writeFile(join(home, 'tree/file'), 'content');
    const image = await imageWith((part) =>
      run('mksquashfs', [join(home, 'tree'), part, '-noappend', '-quiet', '-no-progress']),
    );
    expect(await usedExtents(image)).toEqual([
      { offset: 0, length: MIB + 4096 },
      { offset: 41 * MIB, length: MIB },
    ]);
    await run('unsquashfs', ['-q', '-n', '-d', join(home, 'out'), await partOf(await cardOf(image))]);
  });

  it('is all of a partition that holds something else', async () => {
    const image = await imageWith((part) => writeFile(part, 'state'));
    expect(await usedExtents(image)).toEqual([{ offset: 0, length: 42 * MIB }]);
  });
});

describe('extents', () => {
  it('are joined to whole blocks', () => {
    const parts = [
      { offset: 9000, length: 1 },
      { offset: 100, length: 4000 },
      { offset: 4096, length: 10 },
      { offset: 20_000, length: 0 },
    ];
    expect(joined(parts, 4096, 9001)).toEqual([{ offset: 0, length: 9001 }]);
    expect(joined(parts.slice(2), 4096, 99_999)).toEqual([{ offset: 4096, length: 4096 }]);
    expect(joined([...parts.slice(2), { offset: 12_288, length: 1 }], 4096, 99_999)).toEqual([
      { offset: 4096, length: 4096 },
      { offset: 12_288, length: 4096 },
    ]);
  });

  it('have parts in common, and are cut', () => {
    const ones = [
      { offset: 0, length: 10 },
      { offset: 20, length: 10 },
    ];
    const others = [{ offset: 5, length: 20 }];
    expect(common(ones, others)).toEqual([
      { offset: 5, length: 5 },
      { offset: 20, length: 5 },
    ]);
    expect(without(ones, others)).toEqual([
      { offset: 0, length: 5 },
      { offset: 25, length: 5 },
    ]);
    expect(without(ones, [])).toEqual(ones);
  });
});

/** An image with one partition of 40 MiB, which `make` fills. */
async function imageWith(make: (part: string) => Promise<unknown>): Promise<string> {
  const image = join(home, 'image');
  const part = join(home, 'part');
  for (const [file, size] of [
    [image, 42 * MIB],
    [part, 0],
  ] as const)
    await run('truncate', ['--size', `${size}`, file]);
  await run('sfdisk', ['--quiet', image], { input: `label: gpt\nstart=2048, size=${(40 * MIB) / 512}\n` });
  await run('truncate', ['--size', `${40 * MIB}`, part]);
  await make(part);
  await run('truncate', ['--size', `${40 * MIB}`, part]);
  await run('dd', [`if=${part}`, `of=${image}`, 'conv=notrunc', 'bs=1M', 'seek=1', 'status=none']);
  return image;
}

/** A card that was full of junk, with what the image uses on it. */
async function cardOf(image: string): Promise<string> {
  const card = join(home, 'card');
  await fillWithJunk(card, 42 * MIB);
  await keepOnly(image, card, await usedExtents(image));
  return card;
}

async function partOf(card: string): Promise<string> {
  const part = join(home, 'part-of-card');
  await using file = await open(part, 'w');
  await using from = await open(card);
  const { buffer } = await from.read(Buffer.alloc(40 * MIB), 0, 40 * MIB, MIB);
  await file.write(buffer);
  return part;
}
