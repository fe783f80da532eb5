import { join } from 'node:path';
import { buildImage } from '../../image/build.ts';
import { ImageError } from '../../image/error.ts';
import { build } from '../build.ts';
import { installPackages, planInstall } from '../host/packages.ts';
import { root, stepsOf } from '../lib/program.ts';

export interface ImageOptions {
  board: string;
  source: string;
  manifest?: string;
  refresh?: boolean;
}

/** `skyminer image`: installs what is missing, bundles the runtime and builds the image. */
export async function makeImage({ board, source, manifest, refresh }: ImageOptions): Promise<void> {
  if (source !== 'debian' && source !== 'buildroot') {
    throw new ImageError(`There is no source "${source}". Sources: debian.`);
  }
  const steps = stepsOf('image');
  await installPackages(await planInstall(['image']), steps);
  await steps.step('Bundle the runtime', 'Correct what esbuild complains about.', () => build());
  const built = await buildImage({
    ...{ board, source, out: join(root, 'out'), steps },
    ...(manifest === undefined ? {} : { manifest }),
    ...(refresh === undefined ? {} : { refresh }),
  });
  process.stdout.write(`${built.image} (${built.version})\n`);
}
