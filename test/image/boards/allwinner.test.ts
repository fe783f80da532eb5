import { execFile } from 'node:child_process';
import { mkdtemp, open, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type Board, loadBoard } from '../../../image/board-file.ts';
import { findPartition } from '../../../image/disk/partitions.ts';
import { CommandError, run } from '../../../image/run.ts';
import { showSteps } from '../../../image/steps.ts';
import { readEnvironment } from '../../../image/u-boot/environment.ts';
import { installPackages, planInstall } from '../../../scripts/host/packages.ts';
import { buildBoardImage } from '../../../scripts/lib/board-image.ts';
import { readStateCopies } from '../disk-changes.ts';
import { WORK } from '../image-under-test.ts';
import { type Device, devicesOf } from './device-tree.ts';
import { adapt, fetchUBoot, printsUntil } from './orangepi-pc.ts';

const execute = promisify(execFile);
const SPL_OFFSET = 8192;
const MIB = 1024 * 1024;
/** What Allwinner's boot ROM adds up with a header, in place of the sum in it: U-Boot's include/sunxi_image.h. */
const STAMP = 0x5f0a6c39;

const boards = [
  { name: 'orangepi-prime', model: 'xunlong,orangepi-prime' },
  { name: 'nanopi-neo2', model: 'friendlyarm,nanopi-neo2' },
];

describe.each(boards)('the card of $name', ({ name, model }) => {
  let board: Board;
  let image = '';
  let work = '';
  let uBoot: Buffer;

  beforeAll(async () => {
    const steps = showSteps({ logs: join(WORK, 'logs'), output: process.stderr });
    await installPackages(await planInstall(['u-boot']), steps);
    board = await loadBoard(name);
    const built = await buildBoardImage({ board: name, source: 'debian', steps });
    image = built.image;
    uBoot = await readFile(built.uBoot);
    work = await mkdtemp(join(tmpdir(), 'skyminer-board-'));
  });

  afterAll(() => rm(work, { recursive: true, force: true }));

  it('begins with an SPL that the boot ROM takes, and U-Boot behind it', async () => {
    const card = await bytesOf(image, SPL_OFFSET, uBoot.length);
    expect(card.equals(uBoot)).toBe(true);
    expect(SPL_OFFSET + uBoot.length).toBeLessThanOrEqual(MIB);
    expect(card.toString('latin1', 4, 12)).toBe('eGON.BT0');
    const length = card.readUInt32LE(16);
    expect(length % 512).toBe(0);
    let sum = STAMP;
    for (let at = 0; at < length; at += 4) if (at !== 12) sum = (sum + card.readUInt32LE(at)) >>> 0;
    expect(card.readUInt32LE(12)).toBe(sum);
    // A flattened device tree that holds U-Boot, the secure monitor and U-Boot's own tree.
    expect(card.readUInt32BE(length)).toBe(0xd00dfeed);
  });

  it('has a U-Boot that nobody stops, and that starts nothing but the card', () => {
    const environment = readEnvironment(uBoot);
    expect(environment.get('bootdelay')).toBe('-2');
    expect(environment.get('bootcmd')).toMatch(/^mmc dev 0; .*; reset$/);
    expect(
      [...environment.keys()].filter((key) =>
        /^(?:preboot|distro_bootcmd|bootcmd_.*usb.*|bootcmd_.*dhcp)$/.test(key),
      ),
    ).toEqual([]);
  });

  it('has a partition table that leaves room for them', async () => {
    const { stdout } = await run('sfdisk', ['--json', image]);
    const { partitiontable } = JSON.parse(stdout);
    expect(partitiontable.label).toBe('gpt');
    const partitions: { name: string; start: number }[] = partitiontable.partitions;
    const names = ['boot', 'state', 'bootA', 'bootB', 'rootA', 'rootB', 'data'];
    expect(partitions.map((partition) => partition.name)).toEqual(names);
    expect(Math.min(...partitions.map(({ start }) => start * 512))).toBe(4 * MIB);
    const header = await bytesOf(image, 512, 512);
    expect(Number(header.readBigUInt64LE(72)) * 512).toBe(MIB);
    await run('sfdisk', ['--verify', image]);
  });

  it('has its own device tree, which dtc finds nothing wrong with', async () => {
    const tree = await fromSlot('board.dtb');
    expect(devicesOf(await readFile(tree)).at(-1)).toMatchObject({
      path: '',
      compatible: [model, 'allwinner,sun50i-h5'],
    });
    // Controllers of interrupts that have no children need no size of their addresses.
    const args = ['-W', 'no-interrupt_provider', '-I', 'dtb', '-O', 'dtb', '-o', '/dev/null', tree];
    expect((await execute('dtc', args)).stderr).toBe('');
    const serial = await run('fdtget', [tree, '/aliases', 'serial0']);
    expect((await run('fdtget', [tree, serial.stdout.trim(), 'status'])).stdout.trim()).toBe('okay');
    expect(board.console).toBe('ttyS0,115200');
  });

  it('has a driver for all that its device tree switches on, but for what is listed with a reason', async () => {
    const { offset } = await findPartition(image, 'rootA');
    const root = join(work, 'root');
    await run('unsquashfs', ['-q', '-n', '-o', String(offset), '-d', root, image, 'usr/lib/modules']);
    await symlink('usr/lib', join(root, 'lib'));
    const kernel = await readFile(await fromSlot('Image'));
    const listed = new Set(
      Object.keys(parse(await readFile(join(import.meta.dirname, 'without-driver.yaml'), 'utf8'))),
    );
    const devices = devicesOf(await readFile(await fromSlot('board.dtb')));
    const [version = ''] = await readdir(join(root, 'usr/lib/modules'));
    const without: Device[] = [];
    for (const device of devices) {
      const builtIn = device.compatible.some((text) => kernel.includes(`${text}\0`));
      if (!builtIn && !(await hasModule(root, version, device))) without.push(device);
    }
    const has = ({ compatible }: Device) => compatible.some((text) => listed.has(text));
    const paths = (some: Device[]) => some.map(({ path }) => path).sort();
    expect(paths(without)).toEqual(paths(devices.filter(has)));
    expect(devices.length - without.length).toBeGreaterThan(30);
  });

  it('boots by its own commands on an Allwinner board, and falls back from a slot that does not start', async () => {
    const card = join(work, 'card.img');
    await run('cp', ['--sparse=always', image, card]);
    await adapt(card, await fetchUBoot(join(WORK, 'orangepi-pc')), board.uBoot.environment);
    const printed = await printsUntil(card, /Starting slot B.*\n/, 300_000);
    expect(printed).toMatch(/U-Boot SPL .*Trying to boot from MMC1/s);
    expect(printed).toMatch(/valid copies 11, used 0, sequence 0x1, order A B, left A 3 B 3/);
    expect(printed).toMatch(/Starting slot A, attempts left 2 \n/);
    // All files of the slot are there; a 32-bit processor cannot start them.
    expect(printed).toMatch(/Unknown command 'booti'.*Slot A did not load/s);
    expect(printed).toMatch(/Starting slot B, attempts left 2 A-not-loaded\n/);
    const left = { A: 2, B: 2 };
    expect(await readStateCopies(card)).toEqual([
      { sequence: 3, first: 'A', left },
      { sequence: 2, first: 'A', left: { A: 2, B: 3 } },
    ]);
  });

  async function fromSlot(file: string): Promise<string> {
    const target = join(work, file);
    const { offset } = await findPartition(image, 'bootA');
    await run('mcopy', ['-n', '-o', '-i', `${image}@@${offset}`, `::${file}`, target]);
    return target;
  }
});

async function hasModule(root: string, version: string, { path, compatible }: Device): Promise<boolean> {
  const node = path.slice(path.lastIndexOf('/') + 1).replace(/@.*/, '');
  const alias = `of:N${node}T(null)${compatible.map((text) => `C${text}`).join('')}`;
  try {
    const { stdout } = await run('modprobe', ['-d', root, '-S', version, '--resolve-alias', alias]);
    return stdout.trim() !== '';
  } catch (error) {
    if (error instanceof CommandError && error.status === 1) return false;
    throw error;
  }
}

async function bytesOf(file: string, offset: number, length: number): Promise<Buffer> {
  await using handle = await open(file);
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, offset);
  return buffer.subarray(0, bytesRead);
}
