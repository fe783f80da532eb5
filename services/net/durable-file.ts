import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Writes a file whole and onto the disk before it takes the place of the one before: whenever the plug is pulled, one of
 * the two is there. One writer a file.
 *
 * @param mode exactly this, whatever the umask is
 */
export async function writeDurably(file: string, content: string | Uint8Array, mode: number): Promise<void> {
  const fresh = `${file}.new`;
  // One that an earlier writer left behind may have another mode.
  await rm(fresh, { force: true });
  try {
    await writeAndSync(fresh, content, mode);
    await rename(fresh, file);
  } finally {
    await rm(fresh, { force: true });
  }
  await syncFolder(dirname(file));
}

/** Makes sure that the names in a folder are on the disk. */
export async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, 'r');
  await handle.sync();
}

async function writeAndSync(file: string, content: string | Uint8Array, mode: number): Promise<void> {
  await using handle = await open(file, 'wx', mode);
  await handle.chmod(mode);
  await handle.writeFile(content);
  await handle.sync();
}
