import type { Extent } from '../../disk/used-blocks/extents.ts';

/**
 * A block map, format 2.0: the blocks of a disk image that have to be on a disk. What is in the others does not matter.
 * The format is that of Debian's bmaptool (https://github.com/yoctoproject/bmaptool).
 */
export interface Bmap {
  /** Bytes; the last block may be shorter than the others. */
  imageSize: number;
  /** Bytes. */
  blockSize: number;
  /** By block, rising, without overlaps. */
  ranges: readonly BlockRange[];
}

export interface BlockRange {
  first: number;
  /** Included. */
  last: number;
  /** SHA-256 of the bytes of these blocks, in hexadecimal. */
  sha256: string;
}

/** Where a range lies in an image. */
export function extentOf({ imageSize, blockSize }: Bmap, { first, last }: BlockRange): Extent {
  const offset = first * blockSize;
  return { offset, length: Math.min((last + 1) * blockSize, imageSize) - offset };
}

/** Bytes in all blocks of a map. */
export function mappedBytes(map: Bmap): number {
  return map.ranges.reduce((sum, range) => sum + extentOf(map, range).length, 0);
}
