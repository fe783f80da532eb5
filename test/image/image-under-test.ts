import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { withLock } from '../../image/lock.ts';
import { showSteps } from '../../image/steps.ts';
import { buildBoardImage } from '../../scripts/lib/board-image.ts';

export interface ImageUnderTest {
  image: string;
  uBoot: string;
}

const root = join(import.meta.dirname, '../..');
/** What image tests keep between runs: git-ignored, made again when it is missing. */
export const WORK = join(root, 'out/test-image');

let found: Promise<ImageUnderTest> | undefined;

/**
 * The image that is tested: the file named by SKYMINER_IMAGE, with `u-boot.bin` beside it; otherwise one that is
 * built from these sources, of which the cache leaves little to do.
 */
export function imageUnderTest(): Promise<ImageUnderTest> {
  found ??= oneAtATime('image', find);
  return found;
}

/** What is made once is made by one test file, while the other ones that run at the same time wait for it. */
export function oneAtATime<T>(name: string, work: () => Promise<T>): Promise<T> {
  return withLock(join(WORK, `.${name}.lock`), (ours) => ours(), work);
}

async function find(): Promise<ImageUnderTest> {
  await mkdir(WORK, { recursive: true });
  const given = process.env.SKYMINER_IMAGE;
  if (given !== undefined) return { image: given, uBoot: join(dirname(given), 'u-boot.bin') };
  const steps = showSteps({ logs: join(WORK, 'logs'), output: process.stderr });
  const { image, uBoot } = await buildBoardImage({ board: 'qemu-aarch64', source: 'debian', steps });
  return { image, uBoot };
}
