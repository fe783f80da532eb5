import { join } from 'node:path';
import { type BuildImageOptions, buildImage, type ImageArtefacts } from '../../image/build.ts';
import { build } from '../build.ts';
import { root } from './program.ts';

/** Where images, their caches and logs go. */
export const out = join(root, 'out');

/** Bundles the runtime and builds a board's image around it: every way to an image leads through here. */
export async function buildBoardImage(
  options: Omit<BuildImageOptions, 'out' | 'bundle'>,
): Promise<ImageArtefacts> {
  const bundle = join(out, 'runtime');
  await options.steps.step(
    'Bundle the runtime',
    'Correct what esbuild complains about: `npm run types` tells more.',
    () => build({ out: bundle, boardOnly: true }),
  );
  return await buildImage({ ...options, out, bundle });
}
