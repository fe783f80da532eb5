import { copyFile, mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Board, loadBoard } from './board-file.ts';
import { Cache, hashTree } from './cache.ts';
import { buildDebianRoot } from './debian/source.ts';
import { makeDisk } from './disk/disk.ts';
import { ImageError } from './error.ts';
import { isMissing, repository, sha256OfFile } from './files.ts';
import type { RootParts, RootSource } from './source.ts';
import type { Steps } from './steps.ts';

export interface BuildImageOptions {
  /** Folder name in `board/`. */
  board: string;
  source: 'debian' | 'buildroot';
  /** Folder for all that is built: artefacts go to `OUT/BOARD/`, the cache to `OUT/cache/`. */
  out: string;
  /** File that came with an earlier image: build from exactly these packages. */
  manifest?: string;
  /** The bundle of the runtime. Default: `dist/` of the repository. */
  bundle?: string;
  /** For publishing: the newest packages, and the image packed with xz beside it. */
  release?: boolean;
  /** Ask the mirror for the newest packages even when a set of them is in the cache. */
  refresh?: boolean;
  steps: Steps;
}

export interface ImageArtefacts {
  directory: string;
  /** The disk image, a sparse file. */
  image: string;
  /** U-Boot for QEMU. */
  uBoot: string;
  /** The packages it was made from. */
  manifest: string;
  version: string;
}

const SOURCES: Record<BuildImageOptions['source'], RootSource | undefined> = {
  debian: buildDebianRoot,
  buildroot: undefined,
};

/**
 * Builds a board's disk image, reusing whatever of an earlier build still holds.
 *
 * @throws StepError when a step fails; ImageError when the board or the source does not exist
 */
export async function buildImage(options: BuildImageOptions): Promise<ImageArtefacts> {
  const { source, out, steps } = options;
  const board = await loadBoard(options.board);
  const buildRoot = SOURCES[source];
  if (buildRoot === undefined)
    throw new ImageError(`Images cannot be built from "${source}" yet: use debian.`);
  // The modes of new files must not depend on who builds.
  const umask = process.umask(0o022);
  try {
    const cache = new Cache(join(out, 'cache'));
    const bundle = options.bundle ?? join(repository, 'dist');
    const { manifest, refresh = false } = options;
    const parts = await buildRoot({ board, cache, bundle, manifest, refresh, steps });
    return await publish(join(out, board.name), board, cache, parts, steps);
  } finally {
    process.umask(umask);
  }
}

/** Puts the image and what belongs to it into the board's folder, under its versioned name and a short one. */
async function publish(
  directory: string,
  board: Board,
  cache: Cache,
  parts: RootParts,
  steps: Steps,
): Promise<ImageArtefacts> {
  const name = `skyminer-${board.name}-${parts.version}`;
  const artefacts: ImageArtefacts = {
    directory,
    image: join(directory, 'skyminer.img'),
    uBoot: join(directory, 'u-boot.bin'),
    manifest: join(directory, `${name}.manifest.json`),
    version: parts.version,
  };
  await steps.step('Write the disk image', 'See the log. A full disk is the usual reason.', async (step) => {
    const disk = await hashTree(join(repository, 'image/disk'));
    const key = cache.keyOf([parts.key, disk, await hashTree(board.directory)]);
    if (await isCurrent(directory, key)) {
      step.cached('disk image');
      return;
    }
    await mkdir(directory, { recursive: true });
    const work = join(directory, '.work');
    await rm(work, { recursive: true, force: true });
    await mkdir(work);
    await makeDisk(work, board, { ...parts, log: step.log });
    await dropOtherVersions(directory, board);
    await rename(join(work, 'skyminer.img'), join(directory, `${name}.img`));
    await rm(work, { recursive: true });
    await relink(artefacts.image, `${name}.img`);
    await writeFile(artefacts.manifest, parts.manifest);
    await relink(join(directory, 'manifest.json'), `${name}.manifest.json`);
    await copyFile(board.uBoot.file, artefacts.uBoot);
    const files = [`${name}.img`, `${name}.manifest.json`, 'u-boot.bin'];
    const sums = await Promise.all(
      files.map(async (file) => `${await sha256OfFile(join(directory, file))}  ${file}\n`),
    );
    await writeFile(join(directory, 'SHA256SUMS'), sums.join(''));
    await writeFile(join(directory, STAMP), await stampOf(directory, key));
  });
  return artefacts;
}

const STAMP = '.built-from';

/** An image is built again when its inputs changed, and also when somebody wrote into it. */
async function isCurrent(directory: string, key: string): Promise<boolean> {
  try {
    return (await readFile(join(directory, STAMP), 'utf8')) === (await stampOf(directory, key));
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

async function stampOf(directory: string, key: string): Promise<string> {
  const { mtimeMs, size } = await stat(join(directory, 'skyminer.img'));
  return `${key} ${mtimeMs} ${size}\n`;
}

async function dropOtherVersions(directory: string, board: Board): Promise<void> {
  const ours = new RegExp(`^skyminer-${board.name}-.*\\.(?:img|manifest\\.json)$`);
  for (const name of await readdir(directory)) {
    if (ours.test(name)) await rm(join(directory, name));
  }
}

async function relink(path: string, target: string): Promise<void> {
  await rm(path, { force: true });
  await symlink(target, path);
}
