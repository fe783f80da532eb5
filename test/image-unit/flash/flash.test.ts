import { createHash } from 'node:crypto';
import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { usedExtents } from '../../../image/disk/used-blocks/disk.ts';
import { formatBmap } from '../../../image/flash/bmap/format.ts';
import { makeBmap } from '../../../image/flash/bmap/make.ts';
import { BufferPool } from '../../../image/flash/buffer-pool.ts';
import { identityOf } from '../../../image/flash/card/identity.ts';
import type { Progress } from '../../../image/flash/outcome.ts';
import { run } from '../../../image/run.ts';
import { makeCard } from '../provision/card.ts';
import { flashTo, MIB, madeUpImage } from './flash-to.ts';
import { fillWithJunk } from './junk.ts';
import { LoopDevice, noLoops } from './loop-device.ts';
import { LoopNumber } from './loop-number.ts';

let home: string;

beforeEach(async (context) => {
  if (noLoops !== undefined) context.skip(noLoops);
  home = await mkdtemp(join(tmpdir(), 'flash-'));
});

afterEach(() => rm(home, { recursive: true, force: true }));

describe('an image on a block device', () => {
  it.each<[string, string[]]>([
    ['skyminer.img', []],
    ['skyminer.img.xz', ['xz', '--keep', '--threads=2', '--block-size=4MiB']],
    ['skyminer.img.zst', ['zstd', '--quiet']],
  ])('is byte for byte that of %s, without a map all of it', async (name, pack) => {
    const image = join(home, 'skyminer.img');
    const content = Buffer.concat([madeUpImage(9 * MIB), Buffer.alloc(2 * MIB), madeUpImage(MIB + 512)]);
    await writeFile(image, content);
    if (pack[0] !== undefined) await run(pack[0], [...pack.slice(1), image]);
    await fillWithJunk(join(home, 'card'), 32 * MIB);
    await using loop = await LoopDevice.attach(join(home, 'card'));
    const [outcome] = await flashTo(join(home, name), [loop]);
    expect(outcome).toMatchObject({ state: 'done', left: 'whole', bytes: content.length });
    expect((await readFile(loop.path)).subarray(0, content.length).equals(content)).toBe(true);
  });

  it.each(['skyminer.img', 'skyminer.img.xz'])(
    'has what the map beside %s says, and is in order',
    async (name) => {
      const image = await mappedImage();
      if (name.endsWith('.xz')) await run('xz', ['--threads=2', image]);
      await fillWithJunk(join(home, 'card'), 48 * MIB);
      await using loop = await LoopDevice.attach(join(home, 'card'));
      const [outcome] = await flashTo(join(home, name), [loop]);
      expect(outcome).toMatchObject({ state: 'done' });
      expect(outcome?.bytes).toBeLessThan(16 * MIB);
      if (name.endsWith('.xz')) await run('xz', ['--decompress', `${image}.xz`]);
      const [written, wanted] = [await readFile(loop.path), await readFile(image)];
      for (const { offset, length } of await usedExtents(image))
        expect(
          written.subarray(offset, offset + length).equals(wanted.subarray(offset, offset + length)),
        ).toBe(true);
      expect(written.subarray(-MIB).every((byte) => byte === 0)).toBe(true);
    },
  );

  it('is the same through a reader that has sectors of 4096 bytes', async () => {
    const image = join(home, 'skyminer.img');
    const content = madeUpImage(9 * MIB + 512);
    await writeFile(image, content);
    await fillWithJunk(join(home, 'card'), 32 * MIB);
    await using loop = await LoopDevice.attach(join(home, 'card'), undefined, ['--sector-size', '4096']);
    const [outcome] = await flashTo(image, [loop]);
    expect(outcome).toMatchObject({ state: 'done', left: 'whole', bytes: content.length });
    expect((await readFile(loop.path)).subarray(0, content.length).equals(content)).toBe(true);
  });

  it('is on eight cards at once, and the image is unpacked once', async () => {
    const image = join(home, 'skyminer.img');
    await writeFile(image, madeUpImage(12 * MIB));
    await run('xz', ['--keep', image]);
    await using loops = new AsyncDisposableStack();
    const cards: LoopDevice[] = [];
    for (let card = 0; card < 8; card++)
      cards.push(loops.use(await LoopDevice.attach(join(home, `card${card}`), 32 * MIB)));
    const outcomes = await flashTo(`${image}.xz`, cards);
    expect(outcomes.map(({ state }) => state)).toEqual(Array(8).fill('done'));
    const sum = sha256(madeUpImage(12 * MIB));
    for (const card of cards) expect(sha256((await readFile(card.path)).subarray(0, 12 * MIB))).toBe(sum);
  });

  it('is told of as it is checked, written, read back and made to boot', async () => {
    const image = join(home, 'skyminer.img');
    await writeFile(image, madeUpImage(8 * MIB));
    await using loop = await LoopDevice.attach(join(home, 'card'), 32 * MIB);
    const told: Progress[] = [];
    await flashTo(image, [loop], { report: (_, progress) => told.push(progress) });
    expect([...new Set(told.map(({ phase }) => phase))]).toEqual(['check', 'write', 'read back', 'finish']);
    expect(told.every(({ done, total }) => done <= total)).toBe(true);
    const read = told.filter(({ phase }) => phase === 'read back').at(-1);
    expect(read).toMatchObject({ done: read?.total });
  });
});

describe('what is found before anything is written', () => {
  it('is an image that is not that of its map', async () => {
    const image = await mappedImage();
    const bytes = await readFile(image);
    bytes.writeUInt8(bytes.readUInt8(9 * MIB + 5) ^ 1, 9 * MIB + 5);
    await writeFile(image, bytes);
    await expectNothingWritten(image, /bytes \d+ to \d+ are not those of its block map/);
  });

  it('is a packed image that is cut off', async () => {
    const image = await pack(await mappedImage(), (bytes) => bytes.subarray(0, bytes.length - 5000));
    await expectNothingWritten(image, /xz exited/);
  });

  it('is an image of another size than that of its map', async () => {
    const image = await mappedImage();
    await appendFile(image, Buffer.alloc(512));
    await expectNothingWritten(image, /has \d+ bytes, but its block map is for one of \d+/);
  });

  it('is a map that was changed', async () => {
    const image = await mappedImage();
    await writeFile(`${image}.bmap`, (await readFile(`${image}.bmap`, 'utf8')).replace('2.0', '2.1'));
    await expectNothingWritten(image, /skyminer\.img\.bmap: its own checksum is false/);
  });

  it.each<[string, Buffer, RegExp]>([
    ['gzip', Buffer.from('1f8b08000000', 'hex'), /packed with gzip/],
    ['nothing', Buffer.alloc(0), /is empty/],
  ])('is a file that is %s', async (_, content, complaint) => {
    await writeFile(join(home, 'skyminer.img'), content);
    await expectNothingWritten(join(home, 'skyminer.img'), complaint);
  });

  it('is a zstd that does not say how long it is', async () => {
    const { stdout } = await run('sh', ['-c', 'head -c 100000 /dev/zero | zstd -c | base64']);
    await writeFile(join(home, 'skyminer.img.zst'), Buffer.from(stdout, 'base64'));
    await expectNothingWritten(join(home, 'skyminer.img.zst'), /does not say how long it is/);
  });

  it('is a card that is too small', async () => {
    await writeFile(join(home, 'skyminer.img'), madeUpImage(8 * MIB));
    await using loop = await LoopDevice.attach(join(home, 'card'), 7 * MIB);
    const [outcome] = await flashTo(join(home, 'skyminer.img'), [loop]);
    expect(outcome).toMatchObject({ state: 'failed', left: 'untouched' });
    expect(outcome?.problem).toMatch(/too few for an image/);
  });
});

describe('a card does not boot', () => {
  it.each<[string, (image: string) => Promise<string>, RegExp]>([
    [
      'is damaged',
      async (image) => pack(image, (bytes) => bytes.fill(0x55, bytes.length / 2, bytes.length / 2 + 40)),
      /cannot be unpacked: xz:/,
    ],
    ['is not that of its map', otherThanMap, /are not those of its block map/],
  ])('when the packed image %s', async (_, make, complaint) => {
    const image = await make(await mappedImage());
    await fillWithJunk(join(home, 'card'), 48 * MIB);
    await using loop = await LoopDevice.attach(join(home, 'card'));
    const [outcome] = await flashTo(image, [loop]);
    expect(outcome).toMatchObject({ state: 'failed', left: 'wiped' });
    expect(outcome?.problem).toMatch(complaint);
    expect((await readFile(loop.path)).subarray(0, MIB).every((byte) => byte === 0)).toBe(true);
  });
});

describe('a temporary folder that is full', () => {
  it('is named, and no buffer is lost', async () => {
    const full = join(home, 'full');
    await mkdir(full);
    await run('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'full', full]);
    vi.stubEnv('TMPDIR', full);
    try {
      await writeFile(join(home, 'skyminer.img'), madeUpImage(8 * MIB));
      await using loop = await LoopDevice.attach(join(home, 'card'), 32 * MIB);
      const pool = new BufferPool(5, MIB);
      const [outcome] = await flashTo(join(home, 'skyminer.img'), [loop], { pool });
      expect(outcome).toMatchObject({ state: 'failed', left: 'wiped' });
      expect(outcome?.problem).toMatch(/full\/skyminer-flash-\w+ cannot be written to \(ENOSPC.*TMPDIR/);
      expect(await Promise.all(Array.from({ length: 5 }, () => pool.take()))).toHaveLength(5);
    } finally {
      vi.unstubAllEnvs();
      await run('umount', [full]);
    }
  });
});

describe('a name that another drive has got since it was looked at', () => {
  it('is told, and nothing is written', async () => {
    const image = join(home, 'skyminer.img');
    await writeFile(image, madeUpImage(4 * MIB));
    for (const name of ['first', 'second']) await fillWithJunk(join(home, name), 32 * MIB);
    await using loop = await LoopNumber.add();
    await loop.attach(join(home, 'first'));
    const seen = await identityOf(`/sys/class/block/${basename(loop.path)}`, loop.path);
    await loop.detach();
    await loop.attach(join(home, 'second'));
    const [outcome] = await flashTo(image, [{ identity: async () => seen }]);
    await loop.detach();
    expect(outcome).toMatchObject({ state: 'failed', left: 'untouched' });
    expect(outcome?.problem).toMatch(
      /is another drive than the one that was shown \(sequence: \d+ before, \d+ now\)/,
    );
    expect((await readFile(join(home, 'second'))).equals(Buffer.alloc(32 * MIB, 'junk'))).toBe(true);
  });
});

/** An image with file systems, and its map. */
async function mappedImage(): Promise<string> {
  const image = join(home, 'skyminer.img');
  await makeCard(image);
  await writeFile(`${image}.bmap`, formatBmap(await makeBmap(image)));
  return image;
}

async function pack(image: string, damage: (bytes: Buffer) => Buffer): Promise<string> {
  await run('xz', ['-0', '--block-size=1MiB', image]);
  const bytes = await readFile(`${image}.xz`);
  await writeFile(`${image}.xz`, damage(bytes));
  return `${image}.xz`;
}

async function otherThanMap(image: string): Promise<string> {
  const bytes = await readFile(image);
  await writeFile(image, bytes.fill('OTHER', 10 * MIB, 10 * MIB + 5));
  await run('xz', ['-0', image]);
  return `${image}.xz`;
}

async function expectNothingWritten(image: string, complaint: RegExp): Promise<void> {
  await fillWithJunk(join(home, 'card'), 48 * MIB);
  await using loop = await LoopDevice.attach(join(home, 'card'));
  await expect(flashTo(image, [loop])).rejects.toThrow(complaint);
  expect((await readFile(loop.path)).equals(Buffer.alloc(48 * MIB, 'junk'))).toBe(true);
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
