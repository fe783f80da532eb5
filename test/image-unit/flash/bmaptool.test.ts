import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { extentOf } from '../../../image/flash/bmap/bmap.ts';
import { formatBmap } from '../../../image/flash/bmap/format.ts';
import { makeBmap } from '../../../image/flash/bmap/make.ts';
import { parseBmap } from '../../../image/flash/bmap/parse.ts';
import { run } from '../../../image/run.ts';
import { makeCard } from '../provision/card.ts';
import { flashTo, MIB } from './flash-to.ts';
import { fillWithJunk } from './junk.ts';
import { LoopDevice, noLoops } from './loop-device.ts';

let home: string;
let image: string;

beforeEach(async (context) => {
  if (spawnSync('bmaptool', ['--version']).status !== 0) context.skip('bmaptool is not installed');
  home = await mkdtemp(join(tmpdir(), 'bmaptool-'));
  image = join(home, 'skyminer.img');
  await makeCard(image);
});

afterEach(() => rm(home, { recursive: true, force: true }));

it('bmaptool finds our map beside a packed image, and writes the bytes that we write', async (context) => {
  if (noLoops !== undefined) context.skip(noLoops);
  const map = await makeBmap(image);
  await writeFile(`${image}.bmap`, formatBmap(map));
  await run('xz', ['--threads=2', image]);
  await using loops = new AsyncDisposableStack();
  const written: Buffer[] = [];
  for (const name of ['ours', 'theirs']) {
    await fillWithJunk(join(home, name), 48 * MIB);
    const loop = loops.use(await LoopDevice.attach(join(home, name)));
    if (name === 'theirs') await run('bmaptool', ['copy', `${image}.xz`, loop.path]);
    else expect(await flashTo(`${image}.xz`, [loop])).toMatchObject([{ state: 'done' }]);
    written.push(await readFile(loop.path));
  }
  for (const { offset, length } of map.ranges.map((range) => extentOf(map, range))) {
    const [ours, theirs] = written.map((bytes) => bytes.subarray(offset, offset + length));
    expect(ours?.equals(theirs ?? Buffer.alloc(0))).toBe(true);
  }
});

it('a map that bmaptool makes is read', async () => {
  await run('bmaptool', ['create', image, '--output', `${image}.bmap`]);
  const { size } = await stat(image);
  expect(parseBmap(await readFile(`${image}.bmap`))).toMatchObject({ imageSize: size, blockSize: 4096 });
});
