import { join } from 'node:path';
import { attribute } from '../attribute.ts';
import { FlashError } from '../error.ts';
import { type Disk, diskAt, disksOf } from './disk.ts';
import { type InUse, readInUse } from './mounts.ts';
import type { Roots } from './roots.ts';
import { type Member, membersOn } from './signatures.ts';

/** A drive, and whether it may be written to. */
export interface Drive {
  disk: Disk;
  /** Why not. */
  refusal: string | undefined;
  /** Where its partitions are mounted as removable media: they have to be unmounted before. */
  mounts: string[];
}

export interface DriveOptions {
  roots: Roots;
  /** Also drives that are larger than {@link MAX_BYTES}. */
  isBig: boolean;
  /** Looks for parts of volumes that are not in use now. */
  members?: (path: string) => Promise<Member[]>;
}

/** Of a card; what is larger is a disk with somebody's files on it. */
export const MAX_BYTES = 256 * 2 ** 30;
/** Where desktops mount what is plugged in. */
const MEDIA = /^\/(run\/)?media\//;
const BUILT_IN: readonly Disk['transport'][] = ['nvme', 'sata', 'virtio', 'other'];

/** All drives of this machine, but for volumes and arrays that are made of others. */
export async function listDrives(options: DriveOptions): Promise<Drive[]> {
  const inUse = await readInUse(options.roots);
  const disks = (await disksOf(options.roots)).filter(({ parts }) => parts.length === 0);
  return Promise.all(disks.map((disk) => driveOf(disk, inUse, options)));
}

/** The drive whose node has a path. @throws {FlashError} when it is not one */
export async function findDrive(path: string, options: DriveOptions): Promise<Drive> {
  const disk = await diskAt(options.roots, path);
  return driveOf(disk, await readInUse(options.roots), options);
}

async function driveOf(disk: Disk, inUse: InUse, options: DriveOptions): Promise<Drive> {
  const places = await mountsOf(disk, inUse, options.roots);
  const refusal =
    (await refusalOf(disk, places, inUse, options)) ??
    (await memberRefusal(disk, options.members ?? membersOn));
  return { disk, refusal, mounts: places.filter((place) => MEDIA.test(place)) };
}

async function refusalOf(
  disk: Disk,
  places: readonly string[],
  { swaps, btrfs }: InUse,
  { roots, isBig }: DriveOptions,
): Promise<string | undefined> {
  const { identity, transport, isRemovable, isReadOnly, holders, parts } = disk;
  const names = [disk.name, ...disk.partitions, ...holders];
  const elsewhere = places.filter((place) => !MEDIA.test(place));
  const [holder] = holders;
  const swap = names.find((name) => swaps.has(name));
  const member = names.find((name) => btrfs.has(name));
  if (elsewhere.length > 0) return `is mounted at ${elsewhere.join(', ')}`;
  if (swap !== undefined) return `holds swap in use (${swap})`;
  if (member !== undefined) return `is part of a mounted btrfs (${member})`;
  if (holder !== undefined) return `is part of ${await nameHolder(holder, roots)}`;
  if (parts.length > 0) return `is no drive, but made of ${parts.join(', ')}`;
  if (identity.size === 0) return 'has no card in it';
  if (isReadOnly) return 'is write-protected';
  if (BUILT_IN.includes(transport) && !isRemovable) return `is built in (${transport}, not removable)`;
  if (identity.size > MAX_BYTES && !isBig)
    return 'is larger than 256 GiB: if it is a card all the same, give --big';
  return undefined;
}

/** It is looked into last, for what is in use needs no look. */
async function memberRefusal(
  { name, identity, partitions, isReadOnly }: Disk,
  members: NonNullable<DriveOptions['members']>,
): Promise<string | undefined> {
  if (identity.size === 0 || isReadOnly) return undefined;
  for (const node of [name, ...partitions]) {
    const path = join(identity.path, '..', node);
    try {
      const [found] = await members(path);
      if (found !== undefined)
        return `holds ${found.what} (${found.device}): if that may go, type 'wipefs --all ${path}' first`;
    } catch (error) {
      if (!(error instanceof FlashError)) throw error;
      return error.message;
    }
  }
  return undefined;
}

/** Also where volumes on it are mounted. */
async function mountsOf(
  { name, partitions, holders }: Disk,
  { mounts }: InUse,
  { sys }: Roots,
): Promise<string[]> {
  const places = new Set<string>();
  for (const node of [name, ...partitions, ...holders]) {
    const device = await attribute(join(sys, 'class/block', node, 'dev'));
    for (const key of [node, device ?? '']) for (const place of mounts.get(key) ?? []) places.add(place);
  }
  return [...places];
}

async function nameHolder(holder: string, { sys }: Roots): Promise<string> {
  const block = join(sys, 'class/block', holder);
  const [level, uuid = '', name = holder] = await Promise.all(
    ['md/level', 'dm/uuid', 'dm/name'].map((each) => attribute(join(block, each))),
  );
  if (level !== undefined) return `the RAID ${holder}`;
  if (uuid.startsWith('LVM-')) return `the LVM volume ${name}`;
  if (uuid.startsWith('CRYPT-')) return `the encrypted volume ${name}`;
  return holder;
}
