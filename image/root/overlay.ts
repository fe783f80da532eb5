import { chmod, copyFile, mkdir, readlink, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { walk } from '../cache.ts';

/** Lays a folder over a root. Modes are 0755 and 0644 whatever the checkout's are; links stay links. */
export async function overlay(from: string, root: string): Promise<void> {
  for (const { name, kind, executable } of await walk(from)) {
    const target = join(root, name);
    if (kind === 'directory') {
      await mkdir(target, { recursive: true });
      continue;
    }
    await rm(target, { force: true });
    if (kind === 'link') await symlink(await readlink(join(from, name)), target);
    else {
      await copyFile(join(from, name), target);
      await chmod(target, executable ? 0o755 : 0o644);
    }
  }
}
