import { readdir, readFile } from 'node:fs/promises';
import { isMissing } from '../files.ts';

/** What reading a file of /sys answers for a drive that is gone, or that has no such property. */
const NOTHING = new Set(['EIO', 'ENODEV', 'ENXIO', 'EINVAL', 'ENOTDIR']);

/** One line of /sys; undefined where there is none, or nothing in it. */
export async function attribute(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, 'utf8')).trim() || undefined;
  } catch (error) {
    if (isNothing(error)) return undefined;
    throw error;
  }
}

/** Names in a folder, in order; none where there is no folder. */
export async function namesIn(path: string): Promise<string[]> {
  try {
    return (await readdir(path)).sort();
  } catch (error) {
    if (isNothing(error)) return [];
    throw error;
  }
}

function isNothing(error: unknown): boolean {
  return isMissing(error) || (error instanceof Error && 'code' in error && NOTHING.has(String(error.code)));
}
