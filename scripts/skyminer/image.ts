import { ImageError } from '../../image/error.ts';
import { installPackages, planInstall } from '../host/packages.ts';
import { buildBoardImage } from '../lib/board-image.ts';
import { stepsOf } from '../lib/program.ts';

export interface ImageOptions {
  board: string;
  source: string;
  manifest?: string;
  refresh: boolean;
  release: boolean;
}

/** `skyminer image`: installs what is missing, bundles the runtime and builds the image. */
export async function makeImage({ source, ...options }: ImageOptions): Promise<void> {
  if (source !== 'debian' && source !== 'buildroot') {
    throw new ImageError(`There is no source "${source}": use debian.`);
  }
  const steps = stepsOf('image');
  await installPackages(await planInstall(['image']), steps);
  const { image, directory } = await buildBoardImage({ ...options, source, steps });
  process.stdout.write(`\n${image}\nThe packages it is made of, and checksums, are in ${directory}.\n`);
}
