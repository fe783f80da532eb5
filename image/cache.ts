import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, readlink, rename, rm, stat, utimes } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { isMissing } from './files.ts';

/** How many results of one name stay: enough to go back and forth between two branches. */
const KEPT = 3;

export interface Cached {
  /** Folder of the result. Read it, never write into it. */
  path: string;
  /** Identifies the inputs it was made from: an input for what is made of this one. */
  key: string;
  /** It was there already. */
  hit: boolean;
}

/**
 * Results of build stages in folders named by what they were made from.
 * INVARIANT: a folder under its final name is complete, for it is renamed into place when it is done.
 */
export class Cache {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  /**
   * Returns the folder that `make` filled for these inputs, this time or earlier.
   *
   * @param inputs all that the result depends on, the code of `make` included (see `hashFiles`)
   */
  async folder(
    name: string,
    inputs: readonly unknown[],
    make: (folder: string) => Promise<void>,
  ): Promise<Cached> {
    const key = this.keyOf(inputs);
    const path = join(this.directory, `${name}-${key}`);
    if (await touch(path)) return { path, key, hit: true };
    await mkdir(this.directory, { recursive: true });
    const making = await mkdtemp(join(this.directory, `.${name}-`));
    try {
      await make(making);
      await moveIntoPlace(making, path);
    } finally {
      await rm(making, { recursive: true, force: true });
    }
    await this.#dropOld(name);
    return { path, key, hit: false };
  }

  /** A name for inputs, the same wherever they are. */
  keyOf(inputs: readonly unknown[]): string {
    return createHash('sha256').update(JSON.stringify(inputs)).digest('hex').slice(0, 20);
  }

  /** Drops a result, so that it is made again. */
  async forget(name: string, inputs: readonly unknown[]): Promise<void> {
    await rm(join(this.directory, `${name}-${this.keyOf(inputs)}`), { recursive: true, force: true });
  }

  async #dropOld(name: string): Promise<void> {
    const pattern = new RegExp(`^${name}-[0-9a-f]{20}$`);
    const paths = (await readdir(this.directory)).filter((entry) => pattern.test(entry));
    const dated = await Promise.all(
      paths.map(async (entry) => ({
        entry,
        used: (await stat(join(this.directory, entry))).mtimeMs,
      })),
    );
    dated.sort((a, b) => b.used - a.used);
    for (const { entry } of dated.slice(KEPT)) {
      await rm(join(this.directory, entry), { recursive: true, force: true });
    }
  }
}

/** One hash over the names and contents of files. */
export async function hashFiles(paths: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const path of paths) {
    const content = await readFile(path);
    hash.update(`${content.length} ${path.slice(path.lastIndexOf('/') + 1)}\n`).update(content);
  }
  return hash.digest('hex');
}

/** One hash over a folder's paths, contents, link targets and execute bits; nothing of it depends on the machine. */
export async function hashTree(directory: string): Promise<string> {
  const hash = createHash('sha256');
  for (const path of await walk(directory)) {
    const entry = join(directory, path.name);
    if (path.kind === 'link') hash.update(`l ${path.name} ${await readlink(entry)}\n`);
    else if (path.kind === 'directory') hash.update(`d ${path.name}\n`);
    else {
      const content = await readFile(entry);
      hash.update(`${path.executable ? 'x' : 'f'} ${content.length} ${path.name}\n`).update(content);
    }
  }
  return hash.digest('hex');
}

export interface Entry {
  /** Path relative to the folder that was walked. */
  name: string;
  kind: 'file' | 'directory' | 'link';
  executable: boolean;
}

/** All that a folder holds, at any depth, sorted by bytes, parents before what they hold. */
export async function walk(directory: string): Promise<Entry[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const found = await Promise.all(
    entries.map(async (entry): Promise<Entry> => {
      const path = join(entry.parentPath, entry.name);
      const name = relative(directory, path);
      if (entry.isSymbolicLink()) return { name, kind: 'link', executable: false };
      if (entry.isDirectory()) return { name, kind: 'directory', executable: false };
      return { name, kind: 'file', executable: ((await stat(path)).mode & 0o100) !== 0 };
    }),
  );
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Marks a result as used, and says whether it is there. */
async function touch(path: string): Promise<boolean> {
  const now = new Date();
  try {
    await utimes(path, now, now);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

/** Another build may have made the same result meanwhile: then its result stays. */
async function moveIntoPlace(made: string, path: string): Promise<void> {
  try {
    await rename(made, path);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
  }
}
