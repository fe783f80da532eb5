import { join } from 'node:path';
import { hashFiles, hashTree } from '../cache.ts';
import { ImageError } from '../error.ts';
import { repository } from '../files.ts';
import { readLocal } from '../local-file.ts';
import { run } from '../run.ts';
import { readBoardLock } from '../runtime.ts';
import type { RootParts, RootRequest } from '../source.ts';
import { deviceTreeFile, imageFiles, readBuilt, uBootFile } from './built.ts';
import { configure, defconfigOf, external } from './configuration.ts';
import { billOfMaterials } from './materials.ts';
import { fetchNpmPackages } from './npm-packages.ts';
import { findBuildroot, RELEASE } from './release.ts';

/**
 * Makes a slot's parts with Buildroot, from source. Its output stays in the cache's folder, so that a second build makes only
 * what has changed.
 */
export async function buildBuildrootRoot(request: RootRequest): Promise<RootParts> {
  const { board, bundle, cache, steps } = request;
  defconfigOf(board);
  const output = join(cache.directory, 'buildroot', board.name);
  if (/[\s:]/.test(output + external))
    throw new ImageError(
      `Buildroot takes paths apart at blanks and colons: clone into another folder than ${repository}.`,
    );
  const packages = join(cache.directory, 'npm-packages');
  const environment = { SKYMINER_RUNTIME_BUNDLE: bundle, SKYMINER_NPM_PACKAGES: packages };
  const tree = await steps.step(
    'Fetch Buildroot',
    'Its history is at gitlab.com/buildroot.org/buildroot.',
    async (step) => {
      const folder = await findBuildroot(join(cache.directory, 'buildroot'), RELEASE, step.log);
      step.note(RELEASE.version);
      return folder;
    },
  );
  await steps.step('Fetch npm packages', 'See whether npm reaches its registry.', async (step) =>
    fetchNpmPackages(packages, await readBoardLock(), step.log),
  );
  await steps.step(
    'Configure Buildroot',
    'A line that is lost has lost what it depends on: see the log.',
    async (step) => {
      const { buildroot: local } = await readLocal();
      await configure({
        tree,
        output,
        board,
        local,
        environment: { ...process.env, ...environment },
        log: step.log,
      });
    },
  );
  const remedy =
    'See the log. Where sources cannot be downloaded, set BR2_DL_DIR to a folder that has them, or BR2_PRIMARY_SITE to a mirror.';
  const images = join(output, 'images');
  await steps.step('Build with Buildroot', remedy, async (step) => {
    const make = (target: string) => run('make', ['-C', output, target], { log: step.log, env: environment });
    // The bundle is a folder, of which Buildroot does not notice that it has changed.
    await make('skyminer-runtime-dirclean');
    // Of the kernel's modules the last build has left only those of its own list.
    await make('linux-reinstall');
    await make('all');
    step.note((await readBuilt(images)).version);
  });
  const unreachable =
    'See the log. Where raw.githubusercontent.com cannot be reached, put spdx.schema.json of CycloneDX 1.6 into BR2_DL_DIR as cyclonedx/spdx-1.6.schema.json.';
  const materials = await steps.step('List what is in it', unreachable, (step) =>
    billOfMaterials(tree, output, { log: step.log, env: environment }),
  );
  const { version, date } = await readBuilt(images);
  const deviceTree = deviceTreeFile(board);
  const names = [...Object.values(imageFiles), uBootFile(board), ...(deviceTree ? [deviceTree] : [])];
  const files = names.map((name) => join(images, name));
  return {
    squashfs: join(images, imageFiles.squashfs),
    kernel: join(images, imageFiles.kernel),
    initramfs: join(images, imageFiles.initramfs),
    deviceTree: deviceTree && join(images, deviceTree),
    uBoot: join(images, uBootFile(board)),
    ...{ version, date, ...materials },
    key: cache.keyOf([await hashFiles(files), await hashTree(board.directory)]),
  };
}
