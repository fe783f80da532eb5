import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing } from '../../files.ts';
import { attribute, namesIn } from '../attribute.ts';
import { type Identity, identityOf } from '../card/identity.ts';
import { FlashError } from '../error.ts';
import type { Roots } from './roots.ts';

export type Transport = 'usb' | 'mmc' | 'nvme' | 'sata' | 'virtio' | 'virtual' | 'other';

/** A whole drive, as /sys has it. */
export interface Disk {
  /** As the kernel names it: `sdb`. */
  name: string;
  identity: Identity;
  /** What its maker calls it. */
  model: string | undefined;
  transport: Transport;
  /** What the drive says of itself; many a built-in reader says no. */
  isRemovable: boolean;
  isReadOnly: boolean;
  /** Names of its partitions. */
  partitions: string[];
  /** What is made of it and of its partitions, directly or not: `dm-0`, `md127`. */
  holders: string[];
  /** What it is made of itself: a volume or an array is. */
  parts: string[];
}

/** Boot areas of eMMC, which are no place for a file system. */
const AREA = /^mmcblk\d+(boot\d+|rpmb)$/;
const WAYS: readonly [RegExp, Transport][] = [
  [/\/usb\d+\//, 'usb'],
  [/\/mmc_host\//, 'mmc'],
  // With several paths to it, or over a network, it is below /sys/devices/virtual.
  [/\/nvme(-\w+)?\//, 'nvme'],
  [/\/ata\d+\//, 'sata'],
  [/\/virtio\d+\//, 'virtio'],
  // Nothing else below /sys/devices/virtual: volumes of ZFS, say, are no cards.
  [/\/devices\/virtual\/block\/loop\d+\//, 'virtual'],
];

/** All whole drives of a machine, by name; drives without a card in them too, but no loop devices without a file and their like. */
export async function disksOf(roots: Roots): Promise<Disk[]> {
  const folder = join(roots.sys, 'class/block');
  const disks: Disk[] = [];
  for (const name of await namesIn(folder)) {
    const isPart = (await attribute(join(folder, name, 'partition'))) !== undefined;
    if (isPart || AREA.test(name)) continue;
    const disk = await diskOf(roots, name).catch((error: unknown) => {
      // Taken out while it was looked at.
      if (isMissing(error)) return undefined;
      throw error;
    });
    if (disk === undefined) continue;
    const isPlace = disk.transport !== 'virtual' && disk.transport !== 'other';
    if (isPlace || disk.identity.size > 0) disks.push(disk);
  }
  return disks;
}

/** The drive whose node has a path. @throws {FlashError} when it is not one, or only a part of one */
export async function diskAt(roots: Roots, path: string): Promise<Disk> {
  const node = await realpath(path).catch((cause: unknown) => {
    throw new FlashError(`${path} is not there; 'skyminer flash --list' shows what is`, { cause });
  });
  const name = node.slice(node.lastIndexOf('/') + 1);
  const block = join(roots.sys, 'class/block', name);
  if (join(roots.dev, name) !== node || (await attribute(join(block, 'dev'))) === undefined)
    throw new FlashError(`${path} is no drive; 'skyminer flash --list' shows those that are there`);
  if ((await attribute(join(block, 'partition'))) !== undefined) {
    const whole = (await realpath(block)).split('/').at(-2);
    throw new FlashError(`${path} is a partition: name the whole drive, ${join(roots.dev, whole ?? '')}`);
  }
  return diskOf(roots, name);
}

async function diskOf({ sys, dev }: Roots, name: string): Promise<Disk> {
  const block = join(sys, 'class/block', name);
  const place = `${await realpath(block)}/`;
  const read = (attributeName: string) => attribute(join(block, attributeName));
  const partitions: string[] = [];
  for (const entry of await namesIn(block))
    if ((await read(join(entry, 'partition'))) !== undefined) partitions.push(entry);
  const model = [await read('device/vendor'), (await read('device/model')) ?? (await read('device/name'))];
  return {
    name,
    identity: await identityOf(block, join(dev, name)),
    model: model.filter((part) => part !== undefined && !part.startsWith('0x')).join(' ') || undefined,
    transport: WAYS.find(([way]) => way.test(place))?.[1] ?? 'other',
    isRemovable: (await read('removable')) === '1',
    isReadOnly: (await read('ro')) === '1',
    partitions,
    holders: await holdersOf(sys, [name, ...partitions]),
    parts: await namesIn(join(block, 'slaves')),
  };
}

/** Volumes can be made of volumes. */
async function holdersOf(sys: string, names: readonly string[]): Promise<string[]> {
  const found = new Set<string>();
  const look = async (name: string): Promise<void> => {
    for (const holder of await namesIn(join(sys, 'class/block', name, 'holders'))) {
      if (found.has(holder)) continue;
      found.add(holder);
      await look(holder);
    }
  };
  for (const name of names) await look(name);
  return [...found];
}
