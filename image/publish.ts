import { mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Board } from './board-file.ts';
import { hashTree } from './cache.ts';
import { makeDisk } from './disk/disk.ts';
import { isMissing, repository, sha256OfFile } from './files.ts';
import { formatBmap } from './flash/bmap/format.ts';
import { makeBmap } from './flash/bmap/make.ts';
import { run } from './run.ts';
import type { RootParts } from './source.ts';
import type { Steps } from './steps.ts';
import { writeUBoot } from './u-boot/write.ts';

export interface ImageArtefacts {
  directory: string;
  /** The disk image, a sparse file. Its block map is beside it, with `.bmap` at the end of the name. */
  image: string;
  /** U-Boot, as it lies on the disk or as QEMU starts it. */
  uBoot: string;
  /** The packages it was made from. */
  manifest: string;
  /** What is in it, in the form of CycloneDX. */
  sbom: string;
  version: string;
}

/** What the image in a folder was made from, and how it looked when it was made. */
const STAMP = '.built-from';

/**
 * Writes the disk image and what belongs to it into the board's folder, under its versioned name and a short one.
 * Images of other versions there are removed.
 *
 * @param release also pack the image for publishing
 */
export async function publish(
  directory: string,
  board: Board,
  parts: RootParts,
  release: boolean,
  steps: Steps,
): Promise<ImageArtefacts> {
  const name = `skyminer-${board.name}-${parts.version}`;
  const files = [
    ...[
      `${name}.img`,
      `${name}.img.bmap`,
      `${name}.manifest.json`,
      `${name}.cdx.json`,
      `${name}.licences.txt`,
    ],
    'u-boot.bin',
  ];
  await steps.step('Write the disk image', 'See the log. A full disk is the usual reason.', async (step) => {
    const code = ['image/disk', 'image/flash/bmap', 'image/u-boot'].map((folder) =>
      hashTree(join(repository, folder)),
    );
    const key = JSON.stringify([parts.key, await Promise.all(code), await hashTree(board.directory)]);
    if (await isCurrent(directory, key)) return step.cached('disk image');
    const work = join(directory, '.work');
    await rm(work, { recursive: true, force: true });
    await mkdir(work, { recursive: true });
    const uBoot = join(work, 'u-boot.bin');
    await writeUBoot(parts.uBoot, board, uBoot);
    await makeDisk(work, board, { ...parts, uBoot, log: step.log });
    const map = formatBmap(await makeBmap(join(work, 'skyminer.img')));
    await dropOtherVersions(directory, board);
    await rename(join(work, 'skyminer.img'), join(directory, `${name}.img`));
    await rename(uBoot, join(directory, 'u-boot.bin'));
    await rm(work, { recursive: true });
    await relink(join(directory, 'skyminer.img'), `${name}.img`);
    await writeFile(join(directory, `${name}.img.bmap`), map);
    await relink(join(directory, 'skyminer.img.bmap'), `${name}.img.bmap`);
    await writeFile(join(directory, `${name}.manifest.json`), parts.manifest);
    await writeFile(join(directory, `${name}.cdx.json`), parts.sbom);
    await writeFile(join(directory, `${name}.licences.txt`), parts.licences);
    await relink(join(directory, 'manifest.json'), `${name}.manifest.json`);
    await writeSums(directory, files);
    await writeFile(join(directory, STAMP), await stampOf(directory, key));
  });
  if (release) {
    await steps.step('Pack the image', 'See the log. A full disk is the usual reason.', async (step) => {
      const packed = `${name}.img.xz`;
      // The number of threads is part of the format: all machines must use the same.
      const args = ['--force', '--keep', '--threads=2', join(directory, `${name}.img`)];
      await run('xz', args, { log: step.log });
      await writeSums(directory, [...files, packed]);
      step.note(`${Math.round((await stat(join(directory, packed))).size / 1e6)} MB`);
    });
  }
  return {
    directory,
    image: join(directory, 'skyminer.img'),
    uBoot: join(directory, 'u-boot.bin'),
    manifest: join(directory, `${name}.manifest.json`),
    sbom: join(directory, `${name}.cdx.json`),
    version: parts.version,
  };
}

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
  const ours = new RegExp(
    `^skyminer-${board.name}-.*\\.(?:img|img\\.xz|img\\.bmap|manifest\\.json|cdx\\.json|licences\\.txt)$`,
  );
  for (const name of await readdir(directory)) {
    if (ours.test(name)) await rm(join(directory, name));
  }
}

async function relink(path: string, target: string): Promise<void> {
  await rm(path, { force: true });
  await symlink(target, path);
}

async function writeSums(directory: string, files: readonly string[]): Promise<void> {
  const sums: string[] = [];
  for (const file of files) sums.push(`${await sha256OfFile(join(directory, file))}  ${file}\n`);
  await writeFile(join(directory, 'SHA256SUMS'), sums.join(''));
}
