import { access, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolder } from '../../services/net/durable-file.ts';
import { ImageError } from '../error.ts';
import { isMissing } from '../files.ts';
import { run } from '../run.ts';

/**
 * Makes a copy of an image that only this user may read, for it is to hold secrets, and has it changed. The copy is there
 * whole or not at all.
 *
 * @param change gets the path of the copy
 * @throws {ImageError} when `out` is there already and must not be replaced
 */
export async function changedCopy(
  image: string,
  out: string,
  replace: boolean,
  change: (copy: string) => Promise<void>,
): Promise<void> {
  if (!replace && (await isThere(out)))
    throw new ImageError(`${out} is there already: name another --out, or give --force to replace it.`);
  const part = `${out}.part`;
  await rm(part, { force: true });
  try {
    await using copy = await open(part, 'wx', 0o600);
    await copy.chmod(0o600);
    // `cp` keeps the holes of a file that is mostly empty, and the mode of one that is there.
    await run('cp', ['--sparse=always', '--dereference', '--', image, part]);
    await change(part);
    await copy.sync();
    await rename(part, out);
    await syncFolder(dirname(out));
  } finally {
    await rm(part, { force: true });
  }
}

export async function isThere(file: string): Promise<boolean> {
  try {
    await access(file);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}
