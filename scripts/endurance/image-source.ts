import { basename } from 'node:path';
import type { BuildImageOptions } from '../../image/build.ts';
import type { Steps } from '../../image/steps.ts';
import { installPackages, planInstall } from '../host/packages.ts';
import { buildBoardImage } from '../lib/board-image.ts';
import { runTests } from './run-tests.ts';

export type Source = BuildImageOptions['source'];

/** What became of the tests of images, run with the image of one source. */
export interface SourceTrial {
  /** Day of the last run: 2026-01-31. */
  day: string;
  /** File name, with the version in it. */
  image: string;
  minutes: number;
  passed: boolean;
}

export interface SourceOptions {
  root: string;
  source: Source;
  steps: Steps;
  signal: AbortSignal;
}

/**
 * Builds the emulated board's image from a source and runs all tests of images with it.
 *
 * @throws StepError when it cannot be built here, with what to set
 */
export async function tryImageOf({ root, source, steps, signal }: SourceOptions): Promise<SourceTrial> {
  if (source === 'buildroot') await installPackages(await planInstall(['buildroot']), steps);
  const { image } = await buildBoardImage({ board: 'qemu-aarch64', source, steps });
  const from = performance.now();
  const tally = await steps.step('Image tests', 'Read in the log what failed.', ({ log }) =>
    runTests(['--project', 'image'], { root, log, signal, env: { SKYMINER_IMAGE: image } }),
  );
  const day = new Date().toISOString().slice(0, 10);
  const minutes = (performance.now() - from) / 60_000;
  return { day, image: basename(image), minutes, passed: tally.failed.length === 0 };
}
