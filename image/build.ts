import { join } from 'node:path';
import { loadBoard } from './board-file.ts';
import { buildBuildrootRoot } from './buildroot/source.ts';
import { Cache } from './cache.ts';
import { buildDebianRoot } from './debian/source.ts';
import { repository } from './files.ts';
import { type ImageArtefacts, publish } from './publish.ts';
import type { RootSource } from './source.ts';
import type { Steps } from './steps.ts';

export interface BuildImageOptions {
  /** Folder name in `board/`. */
  board: string;
  source: 'debian' | 'buildroot';
  /** Folder for all that is built: artefacts go to `OUT/BOARD/`, the cache to `OUT/cache/`. */
  out: string;
  /** Where what can be used again is kept. Default: `OUT/cache/`. */
  cache?: string;
  /** File that came with an earlier image: build from exactly these packages. */
  manifest?: string;
  /** File with what this image gets besides. Default: `local.yaml` of the repository, when it is there. */
  local?: string;
  /** The bundle of the runtime. Default: `dist/` of the repository. */
  bundle?: string;
  /** For publishing: the newest packages, and the image packed with xz beside it. */
  release?: boolean;
  /** Ask the mirror for the newest packages even when a set of them is in the cache. */
  refresh?: boolean;
  steps: Steps;
}

export type { ImageArtefacts } from './publish.ts';

const SOURCES: Record<BuildImageOptions['source'], RootSource> = {
  debian: buildDebianRoot,
  buildroot: buildBuildrootRoot,
};

/**
 * Builds a board's disk image, reusing whatever of an earlier build still holds.
 *
 * @throws StepError when a step fails; ImageError when the board does not exist
 */
export async function buildImage(options: BuildImageOptions): Promise<ImageArtefacts> {
  const { source, out, steps } = options;
  const board = await loadBoard(options.board, options.local);
  const buildRoot = SOURCES[source];
  // The modes of new files must not depend on who builds.
  const umask = process.umask(0o022);
  try {
    const cache = new Cache(options.cache ?? join(out, 'cache'));
    const bundle = options.bundle ?? join(repository, 'dist');
    const { manifest, release = false, refresh = release } = options;
    const parts = await buildRoot({ board, cache, bundle, manifest, refresh, steps });
    return await publish(join(out, board.name), board, parts, release, steps);
  } finally {
    process.umask(umask);
  }
}
