import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { usedExtents } from '../../disk/used-blocks/disk.ts';
import { type BlockRange, type Bmap, extentOf } from './bmap.ts';

const BLOCK_SIZE = 4096;
const CHUNK = 4 * 1024 * 1024;

/** The block map of a disk image of ours, by what its file systems use: the same bytes give the same map. */
export async function makeBmap(image: string): Promise<Bmap> {
  await using file = await open(image);
  const { size: imageSize } = await file.stat();
  const map = { imageSize, blockSize: BLOCK_SIZE };
  const ranges: BlockRange[] = [];
  for (const { offset, length } of await usedExtents(image)) {
    const range = {
      first: Math.floor(offset / BLOCK_SIZE),
      last: Math.ceil((offset + length) / BLOCK_SIZE) - 1,
      sha256: '',
    };
    const extent = extentOf({ ...map, ranges: [] }, range);
    ranges.push({ ...range, sha256: await sha256Of(file, extent.offset, extent.length) });
  }
  return { ...map, ranges };
}

async function sha256Of(file: FileHandle, offset: number, length: number): Promise<string> {
  const hash = createHash('sha256');
  const chunk = Buffer.alloc(Math.min(CHUNK, length));
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.read(chunk, 0, Math.min(chunk.length, length - done), offset + done);
    if (bytesRead === 0) throw new RangeError(`the image ends at ${offset + done}`);
    hash.update(chunk.subarray(0, bytesRead));
    done += bytesRead;
  }
  return hash.digest('hex');
}
