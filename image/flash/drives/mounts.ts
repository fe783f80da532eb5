import { readFile, realpath } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { isMissing } from '../../files.ts';
import { namesIn } from '../attribute.ts';
import type { Roots } from './roots.ts';

/** What the system uses, and by which drive or volume. */
export interface InUse {
  /** By device number (`8:17`) and by name (`sdb1`): where it is mounted. */
  mounts: ReadonlyMap<string, readonly string[]>;
  /** Names of what is swapped to. */
  swaps: ReadonlySet<string>;
  /** Names of what mounted btrfs file systems consist of: their mounts have a device number of no drive. */
  btrfs: ReadonlySet<string>;
}

/** Reads /proc/self/mountinfo, /proc/swaps and /sys/fs/btrfs. */
export async function readInUse(roots: Roots): Promise<InUse> {
  const mounts = new Map<string, string[]>();
  const add = (key: string, place: string) => mounts.set(key, [...(mounts.get(key) ?? []), place]);
  for (const line of (await readFile(join(roots.proc, 'self/mountinfo'), 'utf8')).split('\n')) {
    const [before = '', after = ''] = line.split(' - ', 2);
    const [, , device, , place] = before.split(' ');
    const [, source = ''] = after.split(' ');
    if (device === undefined || place === undefined) continue;
    add(device, unescaped(place));
    if (source.startsWith('/dev/')) add(await nameOf(roots, unescaped(source)), unescaped(place));
  }
  const swaps = new Set<string>();
  for (const line of (await readFile(join(roots.proc, 'swaps'), 'utf8')).split('\n').slice(1)) {
    const [path = ''] = line.split(/\s+/, 1);
    if (path.startsWith('/dev/')) swaps.add(await nameOf(roots, unescaped(path)));
  }
  return { mounts, swaps, btrfs: await btrfsMembers(roots) };
}

/** `dm-0` for `/dev/mapper/vg-root`. */
async function nameOf({ dev }: Roots, path: string): Promise<string> {
  try {
    return basename(await realpath(join(dev, path.slice('/dev/'.length))));
  } catch (error) {
    if (isMissing(error)) return basename(path);
    throw error;
  }
}

async function btrfsMembers({ sys }: Roots): Promise<Set<string>> {
  const folder = join(sys, 'fs/btrfs');
  const members = new Set<string>();
  for (const id of await namesIn(folder))
    for (const name of await namesIn(join(folder, id, 'devices'))) members.add(name);
  return members;
}

/** Blanks and their like stand as `\040`. */
function unescaped(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
