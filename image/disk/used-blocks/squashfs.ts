import type { Extent } from './extents.ts';

/** The superblock of format 4.0: `hsqs`, and at 40 the bytes in use. */
const BYTES_USED = 40;

/** @returns undefined where there is no squashfs; its bytes are one piece */
export function squashfsExtents(head: Buffer): Extent[] | undefined {
  if (head.length < 96 || head.toString('latin1', 0, 4) !== 'hsqs') return undefined;
  return [{ offset: 0, length: Number(head.readBigUInt64LE(BYTES_USED)) }];
}
