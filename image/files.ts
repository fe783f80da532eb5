import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** The folder that holds `image/`, `board/`, `services/` and their like. */
export const repository = join(import.meta.dirname, '..');

/** The words of a list file: separated by white space, `#` begins a comment. */
export async function readWords(path: string, needed: 'needed' | 'optional' = 'needed'): Promise<string[]> {
  try {
    const text = await readFile(path, 'utf8');
    return text.replaceAll(/#.*/g, '').split(/\s+/).filter(Boolean);
  } catch (error) {
    if (needed === 'optional' && isMissing(error)) return [];
    throw error;
  }
}

/** Whether an error of `node:fs` says that a file or folder is not there. */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

/** The text of a file; empty when there is no such file. */
export async function readTextIfAny(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return '';
    throw error;
  }
}

/** Names of the folders in a folder, sorted. */
export async function listDirectories(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
}

/** Writes a file with exactly this mode whatever the umask is, and the folders above it. */
export async function writeFileMode(path: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
  await chmod(path, mode);
}

/** SHA-256 of a file's content, in hexadecimal. */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest('hex');
}
