import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { BufferPool } from '../../../image/flash/buffer-pool.ts';
import { Card } from '../../../image/flash/card/card.ts';
import type { Identity } from '../../../image/flash/card/identity.ts';
import { MIB } from './flash-to.ts';
import { fillWithJunk } from './junk.ts';
import { LoopDevice, noLoops } from './loop-device.ts';

let home: string;

beforeEach(async (context) => {
  if (noLoops !== undefined) context.skip(noLoops);
  home = await mkdtemp(join(tmpdir(), 'card-'));
  await fillWithJunk(join(home, 'card'), MIB);
});

afterEach(() => rm(home, { recursive: true, force: true }));

it('another card in the reader gets nothing through what was opened before', async () => {
  await using loop = await LoopDevice.attach(join(home, 'card'));
  const seen = await loop.identity();
  const count = await tellOf(seen);
  const pool = new BufferPool(1, 4096);
  await using card = await Card.open(seen, join(home, 'sys'));
  await pool.lend((buffer) => card.write(buffer.fill('ours'), 4096, 0));
  await writeFile(count, `${Number(seen.sequence) + 1}\n`);
  for (const use of ['write', 'read'] as const)
    await expect(pool.lend<unknown>((buffer) => card[use](buffer.fill('more'), 4096, 4096))).rejects.toThrow(
      `${loop.path}: its card was taken out: nothing is written to what is there now`,
    );
  const content = Buffer.concat([Buffer.alloc(4096, 'ours'), Buffer.alloc(MIB - 4096, 'junk')]);
  expect((await readFile(loop.path)).equals(content)).toBe(true);
});

it('is written where the kernel does not count what is attached', async () => {
  await using loop = await LoopDevice.attach(join(home, 'card'));
  const seen = { ...(await loop.identity()), sequence: undefined };
  await tellOf(seen);
  await using card = await Card.open(seen, join(home, 'sys'));
  await new BufferPool(1, 4096).lend((buffer) => card.write(buffer.fill('ours'), 4096, 0));
  expect((await readFile(loop.path)).toString('latin1', 0, 8)).toBe('oursours');
});

/** Makes a /sys that has one drive: no media change can be asked of a loop device. @returns the file with the count */
async function tellOf({ device, size, sequence }: Identity): Promise<string> {
  const block = join(home, 'sys/dev/block', device);
  await mkdir(block, { recursive: true });
  await writeFile(join(block, 'dev'), `${device}\n`);
  await writeFile(join(block, 'size'), `${size / 512}\n`);
  if (sequence !== undefined) await writeFile(join(block, 'diskseq'), `${sequence}\n`);
  return join(block, 'diskseq');
}
