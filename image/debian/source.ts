import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Cached, hashFiles, hashTree } from '../cache.ts';
import { makeInitramfs } from '../disk/initramfs.ts';
import { makeSquashfs } from '../disk/squashfs.ts';
import { readWords, repository } from '../files.ts';
import { formatBom, formatLicences } from '../materials/cyclonedx.ts';
import { npmComponents } from '../materials/npm.ts';
import { imageVersion } from '../os-release.ts';
import { writeBoardFiles } from '../root/board.ts';
import { overlay } from '../root/overlay.ts';
import { run } from '../run.ts';
import { installRuntime, prepareRuntime, readBoardLock } from '../runtime.ts';
import type { RootParts, RootRequest } from '../source.ts';
import { configureRoot } from './configure.ts';
import { extractPackages, type Owned } from './extract.ts';
import { earlyModules, kernelParts, prepareKernel } from './kernel.ts';
import { debianComponents } from './licences.ts';
import { formatManifest, type Manifest, type Package } from './manifest.ts';
import { type ChosenPackages, choosePackages } from './packages.ts';
import { stageUBoot, uBootPackages } from './u-boot.ts';

const here = import.meta.dirname;
const overlayFolder = join(repository, 'image/rootfs-overlay');
const KERNEL = /^linux-image-\d/;
const BUSYBOX = 'busybox-static';

/** Makes a slot's parts out of Debian packages, without running anything that is in them. */
export async function buildDebianRoot(request: RootRequest): Promise<RootParts> {
  const { board, cache, steps } = request;
  const [chosen, runtime] = await both(choosePackages(request), stageRuntime(request));
  const { manifest } = chosen;
  const [base, kernel] = await both(stageBase(request, chosen), stageKernel(request, chosen));
  const uBoot = await stageUBoot(request, chosen);
  const initramfs = await stageInitramfs(request, chosen, kernel);

  const inputs = [
    ...[manifest.date, board.name, board.watchdog, base.key, kernel.key, runtime.key],
    ...[await hashTree(overlayFolder), await hashTree(request.bundle), await hashTree(here)],
    await hashTree(join(repository, 'image/root')),
    await hashFiles(
      ['disk/squashfs.ts', 'runtime.ts', 'os-release.ts', 'update/rauc-config.ts'].map(inImage),
    ),
  ];
  const key = cache.keyOf([...inputs, initramfs.key]);
  const version = await imageVersion(key);
  const root = await steps.step(
    'Make the root file system',
    'See the log. A full disk is the usual reason: `df -h` tells.',
    async (step) => {
      const made = await cache.folder('root', [...inputs, version], async (folder) => {
        const tree = join(folder, 'root');
        step.note('laying it together');
        await run('cp', ['-a', '--reflink=auto', join(base.path, 'root'), tree], { log: step.log });
        await overlay(join(kernel.path, kernelParts.root), tree);
        await overlay(overlayFolder, tree);
        await installRuntime(tree, runtime.path, request.bundle);
        await writeBoardFiles(tree, board, version, 'debian');
        const owned = [...(await readOwned(base)), ...(await configureRoot(tree, step.log))];
        step.note('packing it');
        const { date } = manifest;
        await makeSquashfs(tree, join(folder, 'root.squashfs'), { owned, date, log: step.log });
        await rm(tree, { recursive: true });
      });
      if (made.hit) step.cached('root file system');
      step.note(version);
      return made;
    },
  );
  const lock = await readBoardLock();
  const components = [...(await debianComponents(request, chosen)), ...npmComponents(lock)];
  return {
    squashfs: join(root.path, 'root.squashfs'),
    kernel: join(kernel.path, kernelParts.image),
    initramfs: join(initramfs.path, 'initrd'),
    deviceTree: board.deviceTree === undefined ? undefined : join(kernel.path, kernelParts.deviceTree),
    uBoot: uBoot.file,
    manifest: formatManifest(manifest),
    sbom: formatBom({ name: `skyminer-${board.name}`, version, date: manifest.date, components }),
    licences: formatLicences(components),
    date: manifest.date,
    version,
    key: cache.keyOf([key, uBoot.key, components]),
  };
}

async function stageRuntime({ cache, steps }: RootRequest): Promise<Cached> {
  const remedy = 'Check that npm reaches its registry (`npm ping`), and run this again.';
  return steps.step('Fetch Node.js for the board', remedy, async (step) => {
    const lock = await readBoardLock();
    const inputs = [lock, await hashFiles([inImage('runtime.ts')])];
    const made = await cache.folder('runtime', inputs, (folder) => prepareRuntime(folder, lock, step.log));
    if (made.hit) step.cached('Node.js and native modules');
    return made;
  });
}

/** The tree of all packages as they come, under `root/`, with `owned.json` beside it. */
async function stageBase(
  { board, cache, steps }: RootRequest,
  { manifest, debOf }: ChosenPackages,
): Promise<Cached> {
  const apart = [BUSYBOX, ...uBootPackages(board)];
  const packages = manifest.packages.filter(({ name }) => !KERNEL.test(name) && !apart.includes(name));
  const remedy = 'See the log. A full disk is the usual reason: `df -h` tells.';
  return steps.step('Unpack the packages', remedy, async (step) => {
    const inputs = [
      hashesOf(packages),
      await hashFiles([join(here, 'extract.ts'), join(here, 'pruned.txt')]),
    ];
    const made = await cache.folder('base', inputs, async (folder) => {
      const root = join(folder, 'root');
      await makeMergedUsr(root, step.log);
      const excludeFrom = join(folder, 'pruned');
      const pruned = (await readWords(join(here, 'pruned.txt'))).map((line) => `${line}\n`);
      await writeFile(excludeFrom, pruned.join(''));
      const owned = await extractPackages(packages.map(debOf), root, { excludeFrom });
      await writeFile(join(folder, 'owned.json'), JSON.stringify(owned));
    });
    step.note(`${packages.length} packages`);
    if (made.hit) step.cached('unpacked packages');
    return made;
  });
}

async function stageKernel(
  { board, cache, steps }: RootRequest,
  { manifest, debOf }: ChosenPackages,
): Promise<Cached> {
  const kernel = the(manifest, (name) => KERNEL.test(name));
  const common = await readWords(join(here, 'modules.txt'));
  const modules = [...common, ...board.modules, board.watchdog.module];
  const initramfsModules = [
    ...board.initramfsModules,
    'crc32c_generic',
    'quota_v2',
    'ext4',
    'squashfs',
    'overlay',
    // The board file lies on a FAT file system.
    ...['vfat', 'nls_cp437', 'nls_ascii'],
  ];
  const remedy = 'See the log. A module that is gone from the kernel has to go from modules.txt too.';
  return steps.step('Prepare the kernel', remedy, async (step) => {
    const inputs = [
      kernel.sha256,
      modules,
      initramfsModules,
      board.deviceTree,
      await hashFiles(['kernel.ts', 'modules.ts', 'extract.ts'].map((name) => join(here, name))),
    ];
    const made = await cache.folder('kernel', inputs, (folder) =>
      prepareKernel(folder, {
        deb: debOf(kernel),
        modules,
        initramfsModules,
        deviceTree: board.deviceTree,
        log: step.log,
      }),
    );
    step.note(kernel.version);
    if (made.hit) step.cached('kernel');
    return made;
  });
}

async function stageInitramfs(
  { cache, steps }: RootRequest,
  { manifest, debOf }: ChosenPackages,
  kernel: Cached,
): Promise<Cached> {
  const busybox = the(manifest, (name) => name === BUSYBOX);
  const code = await hashFiles(['disk/init', 'disk/initramfs.ts'].map(inImage));
  return steps.step('Make the initramfs', 'See the log.', async (step) => {
    const inputs = [manifest.date, kernel.key, busybox.sha256, code];
    const made = await cache.folder('initramfs', inputs, async (folder) => {
      await extractPackages([debOf(busybox)], folder, { only: ['./usr/bin/busybox'] });
      const modules = (await earlyModules(kernel.path)).map((path) => join(kernel.path, path));
      await makeInitramfs(join(folder, 'initrd'), join(folder, 'scratch'), {
        busybox: join(folder, 'usr/bin/busybox'),
        modules,
        date: manifest.date,
        log: step.log,
      });
    });
    if (made.hit) step.cached('initramfs');
    return made;
  });
}

/** The folders that every Debian system has as links into /usr. */
async function makeMergedUsr(root: string, log: string): Promise<void> {
  for (const name of ['bin', 'lib', 'sbin']) {
    await run('mkdir', ['-p', join(root, 'usr', name)], { log });
    await run('ln', ['-s', `usr/${name}`, join(root, name)], { log });
  }
}

async function readOwned(base: Cached): Promise<Owned[]> {
  return JSON.parse(await readFile(join(base.path, 'owned.json'), 'utf8'));
}

function hashesOf(packages: readonly Package[]): string[] {
  return packages.map(({ sha256 }) => sha256);
}

function the(manifest: Manifest, matches: (name: string) => boolean): Package {
  const found = manifest.packages.find(({ name }) => matches(name));
  if (found === undefined) throw new Error('The list of packages holds no kernel, or no busybox.');
  return found;
}

function inImage(name: string): string {
  return join(repository, 'image', name);
}

/** Waits for both to end, whichever fails, so that nothing goes on behind an error. */
async function both<A, B>(first: Promise<A>, second: Promise<B>): Promise<[A, B]> {
  const [a, b] = await Promise.allSettled([first, second]);
  if (a.status === 'rejected') throw a.reason;
  if (b.status === 'rejected') throw b.reason;
  return [a.value, b.value];
}
