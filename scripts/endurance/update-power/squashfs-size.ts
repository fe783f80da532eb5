import { open } from 'node:fs/promises';

const BLOCK = 4096;

/** How much of a disk image a squashfs takes that begins at `offset`, in bytes: whole blocks, as mksquashfs fills them. */
export async function squashfsSize(image: string, offset: number): Promise<number> {
  await using file = await open(image);
  const { buffer } = await file.read(Buffer.alloc(48), 0, 48, offset);
  if (buffer.toString('latin1', 0, 4) !== 'hsqs') throw new Error(`${image}: no squashfs at ${offset}`);
  // `bytes_used` of its superblock.
  return Math.ceil(Number(buffer.readBigUInt64LE(40)) / BLOCK) * BLOCK;
}
