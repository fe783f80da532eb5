import { mkdir, open, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncFolder, writeDurably } from '../../services/net/durable-file.ts';
import { TREE_FILES, type Tree } from './tree.ts';

/** What was made is kept in a folder here, named after what it was made of; the initramfs lays it over the root. */
const KEPT = 'data/system/board/made';

/** Keeps a tree for the starts at which nothing has changed; it is there whole or not at all. */
export async function keepTree(root: string, key: string, tree: Tree): Promise<void> {
  const kept = join(root, KEPT);
  const fresh = join(kept, 'new');
  await mkdir(kept, { recursive: true, mode: 0o755 });
  for (const name of await readdir(kept)) await rm(join(kept, name), { recursive: true });
  for (const [path, content] of tree) {
    const file = join(fresh, path);
    await mkdir(dirname(file), { recursive: true, mode: 0o755 });
    await using handle = await open(file, 'wx', 0o644);
    await handle.writeFile(content);
    await handle.sync();
    for (let folder = dirname(file); folder !== kept; folder = dirname(folder)) await syncFolder(folder);
  }
  await rename(fresh, join(kept, key));
  await syncFolder(kept);
}

/** Lays a tree over the root, and takes away what an earlier one had. */
export async function layOver(root: string, tree: Tree): Promise<void> {
  for (const path of TREE_FILES) {
    const file = join(root, path);
    const content = tree.get(path);
    if (content === undefined) await rm(file, { force: true });
    // These two alone may be written in all of /etc; the root is in memory, where nothing can be torn.
    else if (path === 'etc/hostname' || path === 'etc/hosts') await writeFile(file, content);
    else await writeDurably(file, content, 0o644);
  }
}
