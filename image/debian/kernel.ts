import { copyFile, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ImageError } from '../error.ts';
import { run } from '../run.ts';
import { extractPackages } from './extract.ts';
import { findModules } from './modules.ts';

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
  const whole = join(folder, 'whole');
  await mkdir(whole);
  await extractPackages([options.deb], whole);
  const version = await only(join(whole, 'usr/lib/modules'));
  const all = join(whole, 'usr/lib/modules', version);
  const early = await findModules(all, options.initramfsModules);
  const wanted = await findModules(all, [...options.initramfsModules, ...options.modules]);
  const modules = join(folder, kernelParts.root, 'usr/lib/modules', version);
  for (const name of wanted) {
    await mkdir(dirname(join(modules, name)), { recursive: true });
    await copyFile(join(all, name), join(modules, name));
  }
  for (const name of ['modules.order', 'modules.builtin', 'modules.builtin.modinfo']) {
    await copyFile(join(all, name), join(modules, name));
  }
  // strip wants them unpacked, and squashfs packs them again.
  const packed = wanted.filter((name) => name.endsWith('.xz')).map((name) => join(modules, name));
  if (packed.length > 0) await run('xz', ['--decompress', ...packed], { log: options.log });
  await run('aarch64-linux-gnu-strip', ['-g', ...wanted.map((name) => join(modules, uncompressed(name)))]);
  await index(folder, version, options.log);
  const below = join(kernelParts.root, 'usr/lib/modules', version);
  await writeFile(
    join(folder, kernelParts.early),
    early.map((name) => `${join(below, uncompressed(name))}\n`).join(''),
  );

  await copyFile(join(whole, 'boot', `vmlinuz-${version}`), join(folder, kernelParts.image));
  if (options.deviceTree !== undefined) {
    const trees = join(whole, 'usr/lib', `linux-image-${version}`);
    await copyFile(join(trees, options.deviceTree), join(folder, kernelParts.deviceTree));
  }
  await rm(whole, { recursive: true });
}

function uncompressed(name: string): string {
  return name.replace(/\.xz$/, '');
}

/** Writes the indexes that modprobe reads. depmod looks in lib/, which is a link to usr/lib on a whole system. */
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
