import { mkdir, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, type TestContext } from 'vitest';
import { Card } from '../../../image/flash/card/card.ts';
import { type Drive, findDrive, listDrives } from '../../../image/flash/drives/drive.ts';
import { ROOTS } from '../../../image/flash/drives/roots.ts';
import { CommandError, run } from '../../../image/run.ts';
import { LoopDevice, noLoops } from './loop-device.ts';

const SIZE = 160 * 1024 * 1024;

let home: string;
let loop: LoopDevice;

beforeEach(async (context) => {
  if (noLoops !== undefined) context.skip(noLoops);
  home = await mkdtemp(join(tmpdir(), 'real-drives-'));
  loop = await LoopDevice.attach(join(home, 'disk'), SIZE);
});

afterEach(async () => {
  if (noLoops !== undefined) return;
  await loop[Symbol.asyncDispose]();
  await rm(home, { recursive: true });
});

describe('on this machine', () => {
  it('a loop device may be written to, and the disk of the system may not', async () => {
    expect(await look()).toMatchObject({
      refusal: undefined,
      disk: { transport: 'virtual', identity: { size: SIZE } },
    });
    const drives = await listDrives({ roots: ROOTS, isBig: true });
    const { stdout } = await run('findmnt', ['--noheadings', '--output', 'SOURCE', '/']);
    const system = drives.find(({ disk }) => stdout.trim().startsWith(disk.identity.path));
    if (system !== undefined) expect(system.refusal).toMatch(/^is mounted at \//);
    else expect(stdout).not.toMatch(/^\/dev\/(sd|vd|nvme|mmcblk)/);
  });

  it.each([
    ['ext4', ['mke2fs', '-q', '-F', '-t', 'ext4']],
    ['btrfs', ['mkfs.btrfs', '-q', '--force']],
  ])('a mounted %s is refused, and held so that it cannot be opened', async (type, [make = '', ...args]) => {
    await run(make, [...args, loop.path]);
    const place = await mount(type);
    try {
      expect((await look()).refusal).toBe(`is mounted at ${place}`);
      await expect(Card.open(await loop.identity())).rejects.toThrow(/something of this machine uses it/);
    } finally {
      await run('umount', [place]);
    }
  });

  it('the second device of a mounted btrfs is refused', async () => {
    await using second = await LoopDevice.attach(join(home, 'second'), SIZE);
    await run('mkfs.btrfs', ['-q', '--force', loop.path, second.path]);
    const place = await mount('btrfs');
    try {
      expect((await look(second)).refusal).toMatch(/^is part of a mounted btrfs|^is mounted at/);
    } finally {
      await run('umount', [place]);
    }
  });

  it('swap in use is refused', async () => {
    await run('mkswap', [loop.path]);
    await run('swapon', [loop.path]);
    try {
      expect((await look()).refusal).toBe(`holds swap in use (${loop.name})`);
    } finally {
      await run('swapoff', [loop.path]);
    }
  });

  it.each<[string, () => Promise<unknown>, RegExp]>([
    [
      'LVM',
      () => run('pvcreate', ['--yes', loop.path]),
      /^holds LVM \(loop\d+\): if that may go, type 'wipefs --all \/dev\/loop\d+' first$/,
    ],
    ['encryption', luks, /^holds encryption/],
    ['RAID', () => writeRaidMark(loop.file), /^holds RAID/],
    ['btrfs', () => run('mkfs.btrfs', ['-q', '--force', loop.path]), /^holds btrfs/],
    ['swap', () => run('mkswap', [loop.path]), /^holds swap/],
  ])('%s that is not in use is refused, and wiped it is not', async (_, make, refusal) => {
    await make();
    expect((await look()).refusal).toMatch(refusal);
    await run('wipefs', ['--all', '--quiet', loop.path]);
    expect((await look()).refusal).toBeUndefined();
  });

  it('a running LVM volume is refused', async (context) => {
    await run('pvcreate', ['--yes', loop.path]);
    const name = `skyminer-${process.pid}`;
    await orSkip(context, 'device-mapper', () =>
      run('vgcreate', [name, loop.path]).then(() =>
        run('lvcreate', ['--yes', '--name', 'lv', '--size', '32M', name]),
      ),
    );
    try {
      expect((await look()).refusal).toMatch(/^is part of the LVM volume/);
    } finally {
      await run('vgremove', ['--yes', name]);
    }
  });

  it('an open dm-crypt is refused', async (context) => {
    await luks();
    const name = `skyminer-${process.pid}`;
    await orSkip(context, 'dm-crypt', () =>
      run('cryptsetup', ['open', '--key-file', '-', loop.path, name], { input: 'secret' }),
    );
    try {
      expect((await look()).refusal).toBe(`is part of the encrypted volume ${name}`);
    } finally {
      await run('cryptsetup', ['close', name]);
    }
  });

  it('a running RAID is refused', async (context) => {
    const array = `/dev/md/skyminer-${process.pid}`;
    const args = ['--create', array, '--run', '--level=1', '--raid-devices=2', loop.path, 'missing'];
    await orSkip(context, 'md', () => run('mdadm', args));
    try {
      expect((await look()).refusal).toMatch(/^is part of the RAID md/);
    } finally {
      await run('mdadm', ['--stop', array]);
    }
  });

  it('a device is held while it is open: nobody mounts it', async () => {
    await run('mke2fs', ['-q', '-F', '-t', 'ext4', loop.path]);
    {
      await using card = await Card.open(await loop.identity());
      expect(card.size).toBe(SIZE);
      await expect(mount('ext4')).rejects.toThrow(/busy|already mounted/);
      await expect(Card.open(await loop.identity())).rejects.toThrow(/uses it/);
    }
    await run('umount', [await mount('ext4')]);
  });
});

function look(device = loop): Promise<Drive> {
  return findDrive(device.path, { roots: ROOTS, isBig: false });
}

async function mount(type: string): Promise<string> {
  const place = join(home, 'mounted');
  await mkdir(place, { recursive: true });
  await run('mount', ['-t', type, loop.path, place]);
  return place;
}

function luks(): Promise<unknown> {
  const quick = ['--type', 'luks2', '--pbkdf', 'pbkdf2', '--pbkdf-force-iterations', '1000'];
  return run('cryptsetup', ['luksFormat', '--batch-mode', ...quick, loop.path, '-'], { input: 'secret' });
}

/** What cannot be tried on a kernel without this part is skipped with that reason. */
async function orSkip(context: TestContext, part: string, make: () => Promise<unknown>): Promise<void> {
  try {
    await make();
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    context.skip(`this kernel has no ${part}: ${error.tail.at(-1) ?? error.message}`);
  }
}

/** A superblock of version 1.2 of Linux' RAID, as libblkid tells it: drivers/md/md_p.h. */
async function writeRaidMark(file: string): Promise<void> {
  const block = Buffer.alloc(4096);
  block.writeUInt32LE(0xa92b4efc, 0);
  block.writeUInt32LE(1, 4);
  block.fill(0x5b, 16, 32);
  block.write('made-up', 32, 'latin1');
  block.writeUInt32LE(1, 72);
  block.writeBigUInt64LE(2048n, 128);
  block.writeBigUInt64LE(BigInt(SIZE / 512 - 2048), 136);
  block.writeBigUInt64LE(8n, 144);
  let sum = 0n;
  for (let at = 0; at < 256; at += 4) sum += BigInt(block.readUInt32LE(at));
  block.writeUInt32LE(Number((sum & 0xffffffffn) + (sum >> 32n)), 216);
  await using handle = await open(file, 'r+');
  await handle.write(block, 0, block.length, 4096);
  await handle.sync();
}
