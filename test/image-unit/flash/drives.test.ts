import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Arrivals } from '../../../image/flash/drives/arrivals.ts';
import { type Drive, findDrive, listDrives } from '../../../image/flash/drives/drive.ts';
import type { Member } from '../../../image/flash/drives/signatures.ts';
import { MadeUpMachine } from './made-up-machine.ts';

const USB = 'pci0000:00/0000:00:14.0/usb1/1-2/1-2:1.0/host4/target4:0:0/4:0:0:0';
const MMC = 'pci0000:00/0000:00:1c.0/rtsx/mmc_host/mmc0/mmc0:0001';
const SATA = 'pci0000:00/0000:00:17.0/ata1/host0/target0:0:0/0:0:0:0';
const NVME = 'pci0000:00/0000:00:1d.0/nvme/nvme0';
const VIRTUAL = 'virtual';
const BIG = 1_000_000_000;

let home: string;
let machine: MadeUpMachine;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'drives-'));
  machine = new MadeUpMachine(home);
  await machine.use([]);
});

afterEach(() => rm(home, { recursive: true }));

describe('a drive', () => {
  it('is told of with size, model, serial and how it is attached, in a built-in reader too', async () => {
    await machine.add('sdb', {
      at: USB,
      device: '8:16',
      files: { removable: '1', 'device/vendor': 'SanDisk', 'device/model': 'Ultra' },
    });
    await writeFile(join(machine.roots.sys, 'devices/pci0000:00/0000:00:14.0/usb1/1-2/serial'), '4C53\n');
    await machine.add('mmcblk0', {
      at: MMC,
      device: '179:0',
      files: { 'device/name': 'SC32G', 'device/serial': '0x1234' },
    });
    await machine.add('mmcblk0boot0', { at: MMC, device: '179:8' });
    const drives = await list();
    expect(
      drives.map(({ disk, refusal }) => [
        disk.name,
        disk.model,
        disk.identity.serial,
        disk.transport,
        refusal,
      ]),
    ).toEqual([
      ['mmcblk0', 'SC32G', '0x1234', 'mmc', undefined],
      ['sdb', 'SanDisk Ultra', '4C53', 'usb', undefined],
    ]);
    expect(drives[1]?.disk.identity).toMatchObject({
      path: join(machine.roots.dev, 'sdb'),
      size: 62_333_952 * 512,
      device: '8:16',
    });
  });

  it('has the mounts of removable media, to be unmounted', async () => {
    await machine.add('sdb', { at: USB, device: '8:16', partitions: ['sdb1', 'sdb2'] });
    await machine.use([
      ['8:17', '/media/me/BOOT 1', 'vfat', '/dev/sdb1'],
      ['8:18', '/run/media/me/data', 'ext4', '/dev/sdb2'],
    ]);
    expect(await only()).toMatchObject({
      refusal: undefined,
      mounts: ['/media/me/BOOT 1', '/run/media/me/data'],
    });
  });

  it.each<[string, () => Promise<void>, RegExp]>([
    ['the root', () => sataWith([['8:2', '/', 'ext4', '/dev/sda2']]), /^is mounted at \/$/],
    ['/boot', () => sataWith([['8:1', '/boot', 'ext4', '/dev/sda1']]), /^is mounted at \/boot$/],
    [
      'a place of its owner',
      () => usbWith([['8:17', '/srv/photos', 'ext4', '/dev/sdb1']]),
      /^is mounted at \/srv\/photos$/,
    ],
    ['the whole of it', () => usbWith([['8:16', '/mnt', 'vfat', '/dev/sdb']]), /^is mounted at \/mnt$/],
    [
      'media and a place of its owner',
      () =>
        usbWith([
          ['8:17', '/media/me/x', 'vfat', '/dev/sdb1'],
          ['8:17', '/srv', 'vfat', '/dev/sdb1'],
        ]),
      /^is mounted at \/srv$/,
    ],
    [
      "a btrfs, whose device number is nobody's",
      () => usbWith([['0:33', '/', 'btrfs', '/dev/sdb1']]),
      /^is mounted at \/$/,
    ],
    ['the second part of a mounted btrfs', mountedBtrfs, /^is part of a mounted btrfs \(sdb1\)$/],
    ['swap', () => usbWith([], ['/dev/sdb1']), /^holds swap in use \(sdb1\)$/],
    ['LVM', () => volume({ 'dm/uuid': 'LVM-abc', 'dm/name': 'vg-lv' }), /^is part of the LVM volume vg-lv$/],
    [
      'dm-crypt',
      () => volume({ 'dm/uuid': 'CRYPT-LUKS2-abc', 'dm/name': 'secret' }),
      /^is part of the encrypted volume secret$/,
    ],
    ['RAID', () => volume({ 'md/level': 'raid1' }, 'md127'), /^is part of the RAID md127$/],
    ['a root on LVM on dm-crypt', stacked, /^is mounted at \/$/],
    ['swap on LVM', swapOnVolume, /^holds swap in use \(dm-0\)$/],
    ['no card', () => machine.add('sdb', { at: USB, device: '8:16', size: 0 }), /^has no card in it$/],
    [
      'a card that is write-protected',
      () => machine.add('sdb', { at: USB, device: '8:16', files: { ro: '1' } }),
      /^is write-protected$/,
    ],
    [
      'a disk inside',
      () => machine.add('sda', { at: SATA, device: '8:0' }),
      /^is built in \(sata, not removable\)$/,
    ],
    [
      'an NVMe',
      () => machine.add('nvme0n1', { at: NVME, device: '259:0' }),
      /^is built in \(nvme, not removable\)$/,
    ],
    [
      'an NVMe with several paths to it',
      () => machine.add('nvme0n1', { at: 'virtual/nvme-subsystem/nvme-subsys0', device: '259:0' }),
      /^is built in \(nvme, not removable\)$/,
    ],
    [
      'an NVMe over a network',
      () => machine.add('nvme1n1', { at: 'virtual/nvme-fabrics/ctl/nvme1', device: '259:1' }),
      /^is built in \(nvme, not removable\)$/,
    ],
    [
      'a volume of ZFS',
      () => machine.add('zd0', { at: VIRTUAL, device: '230:0' }),
      /^is built in \(other, not removable\)$/,
    ],
    [
      'a large disk',
      () => machine.add('sdb', { at: USB, device: '8:16', size: BIG }),
      /^is larger than 256 GiB: .* --big$/,
    ],
  ])('is refused that has %s', async (_, make, refusal) => {
    await make();
    expect((await only()).refusal).toMatch(refusal);
  });

  it('that is large may be written to when that was said', async () => {
    await machine.add('sdb', { at: USB, device: '8:16', size: BIG });
    expect(await only({ isBig: true })).toMatchObject({ refusal: undefined });
  });

  it('is refused for what rests on any of its partitions', async () => {
    await machine.add('sdb', { at: USB, device: '8:16', partitions: ['sdb1', 'sdb2'] });
    const members = async (path: string): Promise<Member[]> =>
      path.endsWith('sdb2') ? [{ device: 'sdb2', what: 'LVM' }] : [];
    expect((await only({ members })).refusal).toMatch(
      /^holds LVM \(sdb2\): if that may go, type 'wipefs --all .*\/sdb2' first$/,
    );
  });

  it('is not looked into while it is in use', async () => {
    await usbWith([['8:17', '/', 'ext4', '/dev/sdb1']]);
    const members = async (): Promise<Member[]> => Promise.reject(new Error('looked'));
    expect((await only({ members })).refusal).toBe('is mounted at /');
  });
});

describe('a path', () => {
  it('may be a link to a drive', async () => {
    await machine.add('sdb', { at: USB, device: '8:16' });
    await symlink('sdb', join(machine.roots.dev, 'card'));
    expect((await find('card')).disk.name).toBe('sdb');
  });

  it('of a partition, of a file, of an array and of nothing is none of a drive', async () => {
    await machine.add('sdb', { at: USB, device: '8:16', partitions: ['sdb1'] });
    await machine.add('dm-0', { at: VIRTUAL, device: '253:0', slaves: ['sda2'] });
    await writeFile(join(machine.roots.dev, 'file'), '');
    await expect(find('sdb1')).rejects.toThrow(/is a partition: name the whole drive, .*\/dev\/sdb$/);
    await expect(find('file')).rejects.toThrow(/is no drive/);
    await expect(find('nothing')).rejects.toThrow(/is not there/);
    expect((await find('dm-0')).refusal).toBe('is no drive, but made of sda2');
    expect((await list()).map(({ disk }) => disk.name)).toEqual(['sdb']);
  });
});

describe('cards that are put in', () => {
  it('are given once each, and again when they were out in between', async () => {
    const { signal } = new AbortController();
    await machine.add('sda', { at: USB, device: '8:0' });
    await machine.add('sdb', { at: USB, device: '8:16', size: 0 });
    const arrivals = await Arrivals.begin(options());
    await resize('sdb', 2048, 77);
    expect((await arrivals.next(signal)).disk.identity).toMatchObject({ size: 2048 * 512, sequence: '77' });
    await resize('sdb', 4096, 78);
    expect((await arrivals.next(signal)).disk.identity).toMatchObject({ size: 4096 * 512 });
    const stop = new AbortController();
    const next = arrivals.next(stop.signal);
    stop.abort(new Error('enough'));
    await expect(next).rejects.toThrow();
  });
});

function options(more: Partial<Parameters<typeof listDrives>[0]> = {}) {
  return { roots: machine.roots, isBig: false, members: async () => [], ...more };
}

function list(): Promise<Drive[]> {
  return listDrives(options());
}

async function only(more: Partial<Parameters<typeof listDrives>[0]> = {}): Promise<Drive> {
  const [drive, second] = await listDrives(options(more));
  if (drive === undefined || second !== undefined) throw new Error('there is not one drive');
  return drive;
}

function find(name: string): Promise<Drive> {
  return findDrive(join(machine.roots.dev, name), options());
}

async function resize(name: string, sectors: number, sequence: number): Promise<void> {
  const block = join(machine.roots.sys, 'class/block', name);
  await writeFile(join(block, 'diskseq'), `${sequence}\n`);
  await writeFile(join(block, 'size'), `${sectors}\n`);
}

type Mounts = Parameters<MadeUpMachine['use']>[0];

async function sataWith(mounts: Mounts): Promise<void> {
  await machine.add('sda', { at: SATA, device: '8:0', partitions: ['sda1', 'sda2'] });
  await machine.use(mounts);
}

async function usbWith(mounts: Mounts, swaps: string[] = []): Promise<void> {
  await machine.add('sdb', { at: USB, device: '8:16', partitions: ['sdb1'] });
  await machine.use(mounts, swaps);
}

async function mountedBtrfs(): Promise<void> {
  await usbWith([['0:33', '/srv', 'btrfs', '/dev/sdc1']]);
  await mkdir(join(machine.roots.sys, 'fs/btrfs/5b0a/devices/sdb1'), { recursive: true });
}

/** Something that is made of a partition and that nobody has mounted. */
async function volume(files: Record<string, string>, name = 'dm-0'): Promise<void> {
  await machine.add('sdb', { at: USB, device: '8:16', partitions: ['sdb1'], holders: { sdb1: [name] } });
  await machine.add(name, { at: VIRTUAL, device: '253:0', slaves: ['sdb1'], files });
}

async function stacked(): Promise<void> {
  await machine.add('sdb', { at: USB, device: '8:16', partitions: ['sdb1'], holders: { sdb1: ['dm-0'] } });
  await machine.add('dm-0', {
    at: VIRTUAL,
    device: '253:0',
    slaves: ['sdb1'],
    holders: { 'dm-0': ['dm-1'] },
  });
  await machine.add('dm-1', { at: VIRTUAL, device: '253:1', slaves: ['dm-0'] });
  await machine.use([['253:1', '/', 'ext4', '/dev/mapper/vg-root']]);
}

async function swapOnVolume(): Promise<void> {
  await volume({ 'dm/uuid': 'LVM-abc' });
  await mkdir(join(machine.roots.dev, 'mapper'));
  await symlink('../dm-0', join(machine.roots.dev, 'mapper/vg-swap'));
  await machine.use([], ['/dev/mapper/vg-swap']);
}
