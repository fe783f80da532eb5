import { join } from 'node:path';
import { type BuildImageOptions, buildImage, type ImageArtefacts } from '../../image/build.ts';
import { withLock } from '../../image/lock.ts';
import { build } from '../build.ts';
import { root } from './program.ts';

/** Where images, their caches and logs go. */
export const out = join(root, 'out');

/** The runtime that the last image was built around. */
export const runtimeBundle = join(out, 'runtime');

/**
 * Bundles the runtime and builds a board's image around it: every way to an image leads through here. One at a time:
 * a second one waits for the first, and then finds in the cache what that has made.
 */
export async function buildBoardImage(
  options: Omit<BuildImageOptions, 'out' | 'bundle'>,
): Promise<ImageArtefacts> {
  const { steps } = options;
  const waiting = (ours: () => Promise<void>) =>
    steps.step('Wait for another build in this folder', 'Look which one it is: `ps -C flock u`.', ours);
  return withLock(join(out, '.lock'), waiting, async () => {
    const bundle = runtimeBundle;
    await steps.step(
      'Bundle the runtime',
      'Correct what esbuild complains about: `npm run types` tells more.',
      () => build({ out: bundle, boardOnly: true }),
    );
    return buildImage({ ...options, out, bundle });
  });
}
