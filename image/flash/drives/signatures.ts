import { z } from 'zod';
import { CommandError, run } from '../../run.ts';
import { FlashError } from '../error.ts';

/** A drive or partition has more than this only when it is made to. */
const MAX_SIGNATURES = 1000;

const printed = z.object({
  signatures: z
    .array(z.object({ device: z.string().regex(/^[\w!.-]+$/), type: z.string().max(100) }))
    .max(MAX_SIGNATURES),
});

/** By libblkid's names, what holds a part of something larger, or memory of a machine. */
const MEMBERS: readonly [RegExp, string][] = [
  [/^LVM\d_member$/, 'LVM'],
  [/^crypto_LUKS$|^BitLocker$/, 'encryption'],
  [/_raid_member$|^drbd$/, 'RAID'],
  [/^btrfs$/, 'btrfs'],
  [/^zfs_member$/, 'ZFS'],
  [/^(bcache|ceph_bluestore|stratis|VMFS_volume_member|DM_.*)$/, 'a storage pool'],
  [/^(swap|swsuspend)$/, 'swap'],
];

/** What is on a drive or a partition by its signatures, also when it is not in use now. */
export interface Member {
  device: string;
  /** `LVM`, `RAID`, … */
  what: string;
}

/** Looks with wipefs(8), which changes nothing, for parts of what spans drives. @throws {FlashError} when it cannot be read */
export async function membersOn(path: string): Promise<Member[]> {
  const { stdout } = await run('wipefs', ['--no-act', '--json', path]).catch((cause: unknown) => {
    if (!(cause instanceof CommandError)) throw cause;
    throw new FlashError(`cannot be looked into: ${cause.tail.at(-1) ?? cause.message}`, { cause });
  });
  const { signatures } = printed.parse(JSON.parse(stdout));
  return signatures.flatMap(({ device, type }) => {
    const what = MEMBERS.find(([types]) => types.test(type))?.[1];
    return what === undefined ? [] : [{ device, what }];
  });
}
