import { readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { walk } from '../cache.ts';
import { findModules } from '../debian/modules.ts';
import { ImageError } from '../error.ts';
import { run } from '../run.ts';

/**
 * Takes away all kernel modules of a root but those that are named and what they need, and writes the indexes anew.
 *
 * @throws ImageError naming modules that the kernel does not have
 */
export async function keepModules(root: string, names: readonly string[]): Promise<void> {
  const folder = join(root, 'usr/lib/modules');
  const versions = await readdir(folder);
  const [version] = versions;
  if (version === undefined || versions.length > 1)
    throw new ImageError(`${folder} should hold one kernel's modules, and holds ${versions.length}.`);
  const all = join(folder, version);
  const wanted = new Set(await findModules(all, names));
  for (const { name, kind } of await walk(all)) {
    if (kind === 'file' && /\.ko(?:\.\w+)?$/.test(basename(name)) && !wanted.has(name))
      await rm(join(all, name));
  }
  await run('depmod', ['-b', root, version]);
}
