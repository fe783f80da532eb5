import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { findPartition } from '../../../image/disk/partitions.ts';
import { squashfsSize } from '../../../image/disk/squashfs-size.ts';
import { run } from '../../../image/run.ts';

const PIECE = 1024 * 1024;

/**
 * Makes of a board's image one whose slot B holds another version: in every sector another content than slot A, which the
 * update then puts there. It is one that cannot be started, so that nothing is taken for whole that is not.
 */
export async function makeBefore(image: string, before: string): Promise<void> {
  await run('cp', ['--sparse=always', '--dereference', image, before]);
  await using file = await open(before, 'r+');
  for (const name of ['bootB', 'rootB']) {
    const { offset, size } = await findPartition(image, name);
    const used = name === 'rootB' ? await squashfsSize(image, name) : size;
    let at = offset;
    for await (const piece of createReadStream(image, {
      start: offset,
      end: offset + used - 1,
      highWaterMark: PIECE,
    })) {
      const other = Buffer.from(piece).map((byte) => byte ^ 0xff);
      await file.write(other, 0, other.length, at);
      at += other.length;
    }
  }
}
