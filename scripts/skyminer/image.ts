import { loadBoard } from '../../image/board-file.ts';
import { ImageError } from '../../image/error.ts';
import { installPackages, type Purpose, planInstall } from '../host/packages.ts';
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
    throw new ImageError(`There is no source "${source}": use debian or buildroot.`);
  }
  const steps = stepsOf('image');
  await installPackages(await planInstall(await purposes(options.board, source)), steps);
  const { image, directory } = await buildBoardImage({ ...options, source, steps });
  process.stdout.write(`\n${image}\nThe packages it is made of, and checksums, are in ${directory}.\n`);
}

async function purposes(board: string, source: 'debian' | 'buildroot'): Promise<Purpose[]> {
  if (source === 'buildroot') return ['image', 'buildroot'];
  const { uBoot } = await loadBoard(board);
  return uBoot.from === 'source' ? ['image', 'u-boot'] : ['image'];
}
