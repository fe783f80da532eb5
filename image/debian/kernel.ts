import { copyFile, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ImageError } from '../error.ts';
import { run } from '../run.ts';
import { extractPackages } from './extract.ts';

/** Where the parts of a prepared kernel lie in its folder. */
export const kernelParts = {
  /** The kernel itself. */
  image: 'Image',
  /** Laid over the root: `usr/lib/modules/VERSION/…`. */
  root: 'root',
  /** Paths in this folder of the modules that the initramfs loads, a line each, in that order. */
  early: 'early-modules',
  /** The device tree, when the board's file names one. */
  deviceTree: 'board.dtb',
};

export interface KernelOptions {
  deb: string;
  /** Modules wanted in the root. What they depend on comes too. */
  modules: readonly string[];
  /** Modules wanted in the initramfs. */
  initramfsModules: readonly string[];
  deviceTree: string | undefined;
  log: string;
}

/**
 * Takes a board's share of a kernel package: of some 4,000 modules the few that are named, without debug
 * symbols.
 */
export async function prepareKernel(folder: string, options: KernelOptions): Promise<void> {
  const all = join(folder, 'all');
  await mkdir(all, { recursive: true });
  await extractPackages([options.deb], all);
  const version = await only(join(all, 'usr/lib/modules'));
  // depmod and modprobe look in lib/, which is a link to usr/lib on a whole system.
  await mkdir(join(all, 'lib'));
  await rename(join(all, 'usr/lib/modules'), join(all, 'lib/modules'));
  await run('depmod', ['-b', all, version], { log: options.log });

  const early = await withDependencies(all, version, options.initramfsModules);
  const wanted = await withDependencies(all, version, [...options.modules, ...options.initramfsModules]);
  const modules = join(folder, kernelParts.root, 'usr/lib/modules', version);
  for (const name of wanted) await takeModule(join(all, 'lib/modules', version), modules, name, options.log);
  for (const name of ['modules.order', 'modules.builtin', 'modules.builtin.modinfo']) {
    await copyFile(join(all, 'lib/modules', version, name), join(modules, name));
  }
  await run('aarch64-linux-gnu-strip', ['-g', ...wanted.map((name) => join(modules, uncompressed(name)))]);
  await index(folder, version, options.log);
  const below = join(kernelParts.root, 'usr/lib/modules', version);
  await writeFile(
    join(folder, kernelParts.early),
    early.map((name) => `${join(below, uncompressed(name))}\n`).join(''),
  );

  await copyFile(join(all, 'boot', `vmlinuz-${version}`), join(folder, kernelParts.image));
  if (options.deviceTree !== undefined) {
    const trees = join(all, 'usr/lib', `linux-image-${version}`);
    await copyFile(join(trees, options.deviceTree), join(folder, kernelParts.deviceTree));
  }
  await rm(all, { recursive: true });
}

/** Paths of modules below their version's folder, each after those it needs. Modules that are built in are left out. */
async function withDependencies(all: string, version: string, names: readonly string[]): Promise<string[]> {
  const found = new Set<string>();
  for (const name of new Set(names)) {
    const args = ['-d', all, '-S', version, '--show-depends', name];
    const { stdout } = await run('modprobe', args).catch((cause: unknown) => {
      throw new ImageError(`The kernel ${version} has no module "${name}": see modules.txt and board.yaml.`, {
        cause,
      });
    });
    for (const [, path = ''] of stdout.matchAll(/^insmod (\S.*?) *$/gm)) {
      found.add(path.slice(path.indexOf(`/lib/modules/${version}/`) + `/lib/modules/${version}/`.length));
    }
  }
  return [...found];
}

/** Copies a module, and unpacks it: strip wants it so, and squashfs packs it again. */
async function takeModule(from: string, to: string, name: string, log: string): Promise<void> {
  const target = join(to, name);
  await mkdir(dirname(target), { recursive: true });
  await copyFile(join(from, name), target);
  if (name.endsWith('.xz')) await run('xz', ['--decompress', target], { log });
}

function uncompressed(name: string): string {
  return name.replace(/\.xz$/, '');
}

async function index(folder: string, version: string, log: string): Promise<void> {
  const scratch = join(folder, 'index');
  await mkdir(join(scratch, 'lib'), { recursive: true });
  await rename(join(folder, kernelParts.root, 'usr/lib/modules'), join(scratch, 'lib/modules'));
  await run('depmod', ['-b', scratch, version], { log });
  await rename(join(scratch, 'lib/modules'), join(folder, kernelParts.root, 'usr/lib/modules'));
  await rm(scratch, { recursive: true });
}

async function only(directory: string): Promise<string> {
  const names = await readdir(directory);
  const [name] = names;
  if (name === undefined || names.length > 1) {
    throw new ImageError(`The kernel package should hold one kernel's modules, and holds ${names.length}.`);
  }
  return name;
}

/** Paths in a prepared kernel's folder of the modules that the initramfs loads, in order. */
export async function earlyModules(kernel: string): Promise<string[]> {
  const text = await readFile(join(kernel, kernelParts.early), 'utf8');
  return text.split('\n').filter((line) => line !== '');
}
