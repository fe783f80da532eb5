import { lstat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Owned } from '../debian/extract.ts';
import { isMissing } from '../files.ts';
import { run } from '../run.ts';

export interface SquashfsOptions {
  /** Files that belong to others than root; those that are not there are passed over. */
  owned: readonly Owned[];
  /** Seconds since 1970: the time of the file system and of all files in it. */
  date: number;
  log: string;
}

/**
 * Packs a folder into the squashfs file `target`. Owners come from the list and not from this machine, so the
 * bytes are the same whoever packs it.
 */
export async function makeSquashfs(root: string, target: string, options: SquashfsOptions): Promise<void> {
  const { owned, date, log } = options;
  const actions = ['uid(0)@true', 'gid(0)@true'];
  for (const { path, uid, gid } of owned) {
    if (!(await isThere(join(root, path)))) continue;
    if (uid !== 0) actions.push(`uid(${uid})@pathname(${path})`);
    if (gid !== 0) actions.push(`gid(${gid})@pathname(${path})`);
  }
  const actionFile = `${target}.actions`;
  await writeFile(actionFile, actions.map((line) => `${line}\n`).join(''));
  await run(
    'mksquashfs',
    [
      ...[root, target, '-noappend', '-quiet', '-no-progress', '-no-xattrs'],
      ...['-comp', 'zstd', '-Xcompression-level', '9', '-b', '256K'],
      ...['-all-time', String(date), '-mkfs-time', String(date), '-root-mode', '755'],
      ...['-action-file', actionFile],
    ],
    { log, env: { SOURCE_DATE_EPOCH: undefined } },
  );
}

async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}
