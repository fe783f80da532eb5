import { ImageError } from '../error.ts';
import { run } from '../run.ts';
import { findPartition } from './partitions.ts';

/** What a disk image is, as the system in its slot A says of itself in os-release(5). */
export interface ImageDescription {
  board: string;
  version: string;
}

/** @throws {ImageError} when there is no system of ours in slot A */
export async function describeImage(image: string, log?: string): Promise<ImageDescription> {
  const { offset } = await findPartition(image, 'rootA');
  const args = ['-o', String(offset), '-cat', image, 'usr/lib/os-release'];
  const { stdout } = await run('unsquashfs', args, log === undefined ? {} : { log });
  const value = (name: string) => new RegExp(`^${name}="?([^"\n]+)"?$`, 'm').exec(stdout)?.[1];
  const [board, version] = [value('VARIANT_ID'), value('VERSION_ID')];
  if (value('ID') !== 'skyminer' || board === undefined || version === undefined)
    throw new ImageError(`${image}: what is in its slot A says of itself that it is no Skyminer`);
  return { board, version };
}
