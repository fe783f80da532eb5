import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from '../../../image/run.ts';
import type { Breach } from './breaches.ts';

/** What a breach is said to change does not stand in its file, or stands there more than once. */
export class BreachDoesNotFit extends Error {
  override readonly name = 'BreachDoesNotFit';
  constructor({ file, find, broken }: Breach, count: number) {
    super(
      `${file} has ${count} times what is to be broken, not once: correct the entry “${broken}” in breaches.ts (${JSON.stringify(find)})`,
    );
  }
}

/** The text of a file with the breach in it. @throws {BreachDoesNotFit} */
export function breached(text: string, breach: Breach): string {
  const pieces = text.split(breach.find);
  if (pieces.length !== 2) throw new BreachDoesNotFit(breach, pieces.length - 1);
  return pieces.join(breach.replace);
}

/** A copy of the sources in a folder of its own, in which promises can be broken; what is installed and cached is shared. One at a time. */
export class ScratchCopy implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** @param root the repository; what is not committed yet is copied too */
  static async make(root: string): Promise<ScratchCopy> {
    // In the same file system, for links; and what a killed run has left is found there.
    const folder = join(root, 'out/sabotage');
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    const copy = new ScratchCopy(await mkdtemp(join(folder, 'copy-')));
    try {
      await copy.#fill(root);
      return copy;
    } catch (error) {
      await copy[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Breaks a promise; the function that comes back mends it. @throws {BreachDoesNotFit} */
  async break(breach: Breach): Promise<() => Promise<void>> {
    const file = join(this.path, breach.file);
    const whole = await readFile(file, 'utf8');
    await writeFile(file, breached(whole, breach));
    return () => writeFile(file, whole);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }

  async #fill(root: string): Promise<void> {
    const list = ['-c', 'safe.directory=*', 'ls-files', '-z', '-co', '--exclude-standard'];
    const { stdout } = await run('git', list, { cwd: root });
    for (const file of stdout.split('\0').filter((name) => name !== '')) {
      const target = join(this.path, file);
      await mkdir(dirname(target), { recursive: true });
      // One that was removed and not committed is listed too.
      await cp(join(root, file), target, { verbatimSymlinks: true }).catch(unlessMissing);
    }
    await symlink(join(root, 'node_modules'), join(this.path, 'node_modules'));
    const cache = join(root, 'out/cache');
    await mkdir(cache, { recursive: true });
    await mkdir(join(this.path, 'out'));
    // Nothing in it is changed in its place; systemctl takes no root below a symbolic link.
    await run('cp', ['--archive', '--link', cache, join(this.path, 'out/cache')]);
  }
}

function unlessMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
