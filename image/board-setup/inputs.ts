import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing } from '../files.ts';

/** Paths of all that a board's settings are made of, one a line; the initramfs reads it too. */
const LIST = 'usr/lib/viscript/board-inputs';

/**
 * What the settings of a board were made of, as one name: `sha256sum FILE... | sha256sum` of those files that are there.
 * The initramfs (image/disk/init) makes the same to find what was made of them before.
 */
export async function keyOfInputs(root: string): Promise<string> {
  const paths = (await readFile(join(root, LIST), 'utf8')).split('\n').filter((path) => path !== '');
  const lines = await Promise.all(
    paths.map(async (path) => {
      const content = await contentOf(join(root, path));
      return content === undefined ? '' : `${sha256(content)}  ${path}\n`;
    }),
  );
  return sha256(lines.join(''));
}

/** The bytes of a file; undefined where there is none. */
export async function contentOf(file: string): Promise<Buffer | undefined> {
  try {
    return await readFile(file);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
