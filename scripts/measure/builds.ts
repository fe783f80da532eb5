import { appendFile, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { buildImage, type ImageArtefacts } from '../../image/build.ts';
import type { Steps } from '../../image/steps.ts';
import { build } from '../build.ts';
import type { Row } from './row.ts';

export interface BuildsOptions {
  /** Replaced: nothing of earlier builds is in it at the start. The image stays there. */
  folder: string;
  /** How often an image is built after a change. */
  changes: number;
  steps: Steps;
}

/** Builds an image from nothing but the mirrors, then again after changes of code. */
export async function measureBuilds(
  options: BuildsOptions,
): Promise<{ rows: Row[]; artefacts: ImageArtefacts }> {
  const { folder, changes } = options;
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  // npm's own cache would be a part of what there is to fetch.
  process.env.npm_config_cache = join(folder, 'npm');
  const nothing = await buildOnce(options, 0);
  const changed: number[] = [];
  for (let change = 1; change <= changes; change++) {
    changed.push((await buildOnce(options, change)).seconds);
  }
  const common = { group: 'image from nothing', unit: 's', peers: {} } as const;
  return {
    artefacts: nothing.artefacts,
    rows: [
      {
        ...{ ...common, what: 'bundle and build, empty caches' },
        ...{ ours: [nothing.seconds], must: { limit: 180 }, goal: { limit: 90 } },
      },
      {
        ...{ ...common, what: 'bundle and build after a change of code' },
        ...{ ours: changed, must: { limit: 30 }, goal: { limit: 10 } },
      },
    ],
  };
}

async function buildOnce({ folder, steps }: BuildsOptions, change: number) {
  const start = performance.now();
  const bundle = join(folder, 'bundle');
  await build({ out: bundle, boardOnly: true });
  if (change > 0) await appendFile(join(bundle, 'viscript.js'), `// change ${change}\n`);
  const artefacts = await buildImage({ board: 'qemu-aarch64', source: 'debian', out: folder, bundle, steps });
  return { seconds: (performance.now() - start) / 1_000, artefacts };
}
