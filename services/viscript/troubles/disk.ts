import { constants } from 'node:fs';
import { access, statfs } from 'node:fs/promises';
import { formatBytes } from '../commands/format.ts';

/** Less than this many bytes are as good as none: a file takes a block, and what names it another. */
const hardlyAnything = 256 * 1024;

/** What is wrong with a folder and the file system that it is on. Never rejects. */
export async function diskTroubles(folder: string): Promise<string[]> {
  try {
    const { bavail, bsize, blocks, ffree, files } = await statfs(folder);
    if (bavail * bsize < hardlyAnything) {
      const size = formatBytes(blocks * bsize);
      return [
        `${folder}: its disk is full (${formatBytes(bavail * bsize)} of ${size} left); delete what can go`,
      ];
    }
    if (files > 0 && ffree === 0) return [`${folder}: its disk can hold no more files; delete some`];
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    return [];
  } catch (error) {
    return [`${folder}: ${explain(error)}`];
  }
}

function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  switch ('code' in error ? error.code : undefined) {
    case 'EROFS':
      return 'its disk can only be read, not written: nothing that changes is kept';
    case 'ENOENT':
      return 'it is not there: nothing that changes is kept';
    case 'EACCES':
      return 'it belongs to somebody else: nothing that changes is kept';
    default:
      return `it cannot be used: ${error.message}`;
  }
}
