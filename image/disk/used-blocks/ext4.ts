import { basename, dirname } from 'node:path';
import { run } from '../../run.ts';
import type { Extent } from './extents.ts';

/** In the superblock at 1024. */
const MAGIC_AT = 1024 + 56;
const MAGIC = 0xef53;

/** @returns undefined where there is no ext4; all that its bitmaps say is in use, journal and tables included */
export async function ext4Extents(
  head: Buffer,
  image: string,
  offset: number,
): Promise<Extent[] | undefined> {
  if (head.length < MAGIC_AT + 2 || head.readUInt16LE(MAGIC_AT) !== MAGIC) return undefined;
  const device = `./${basename(image)}?offset=${offset}`;
  const { stdout } = await run('dumpe2fs', [device], { cwd: dirname(image) });
  const blockSize = Number(/^Block size: +(\d+)$/m.exec(stdout)?.[1]);
  const blocks = Number(/^Block count: +(\d+)$/m.exec(stdout)?.[1]);
  const used: Extent[] = [];
  let next = 0;
  for (const [, list = ''] of stdout.matchAll(/^ {2}Free blocks: (.*)$/gm)) {
    for (const [, first, last] of list.matchAll(/(\d+)(?:-(\d+))?/g)) {
      used.push({ offset: next * blockSize, length: (Number(first) - next) * blockSize });
      next = Number(last ?? first) + 1;
    }
  }
  return [...used, { offset: next * blockSize, length: (blocks - next) * blockSize }];
}
