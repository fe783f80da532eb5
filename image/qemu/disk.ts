import { rename, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { isMissing } from '../files.ts';
import { run } from '../run.ts';

export interface DiskRequest {
  /** The raw image, which is only read. */
  image: string;
  /** A qcow2 file that is a disk of its own: made from the image when it is not there, and kept. */
  keep?: string;
  /** Size of the disk in MiB where the image is smaller, as a card is larger than the image written to it. */
  sizeMiB?: number;
  /** A folder for the disk that is thrown away. */
  scratch: string;
}

/**
 * Makes the disk of a board: a qcow2 file, for snapshots need one.
 *
 * A disk that is kept holds a copy of the image, not a layer over it: an image that is built again later
 * must not change under it. A throw-away disk is a layer, made in no time.
 *
 * @returns its path; one that is not kept may be unlinked as soon as QEMU has it open
 * @throws CommandError
 */
export async function makeDisk(request: DiskRequest): Promise<string> {
  const image = resolve(request.image);
  await stat(image);
  if (request.keep === undefined) {
    const file = join(request.scratch, 'disk.qcow2');
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', image, file]);
    await grow(file, request.sizeMiB);
    return file;
  }
  const file = resolve(request.keep);
  if (!(await exists(file))) await copyImage(image, file, request.sizeMiB);
  return file;
}

/** Under another name until it is complete, so that an interrupted copy is never taken for a disk. */
async function copyImage(image: string, file: string, sizeMiB: number | undefined): Promise<void> {
  const part = `${file}.part`;
  try {
    await run('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', image, part]);
    await grow(part, sizeMiB);
    await rename(part, file);
  } finally {
    await rm(part, { force: true });
  }
}

async function grow(file: string, sizeMiB: number | undefined): Promise<void> {
  if (sizeMiB === undefined) return;
  await run('qemu-img', ['resize', '-q', '-f', 'qcow2', file, `${sizeMiB}M`]);
}

async function exists(file: string): Promise<boolean> {
  try {
    await stat(file);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}
