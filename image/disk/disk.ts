import { copyFile, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Board } from '../board-file.ts';
import { run } from '../run.ts';
import { newStatePartition } from './state.ts';

const STATE_SIZE = 1024 * 1024;

export interface DiskParts {
  kernel: string;
  deviceTree: string | undefined;
  initramfs: string;
  squashfs: string;
  /** For boards whose genimage.cfg writes it to the disk. */
  uBoot: string;
  /** Seconds since 1970: the time of all that is made. */
  date: number;
  log: string;
}

/** Makes the disk image `skyminer.img` in a folder, which also holds the parts it was made from afterwards. */
export async function makeDisk(folder: string, board: Board, parts: DiskParts): Promise<void> {
  const { kernel, deviceTree, initramfs, squashfs, uBoot, date, log } = parts;
  const boot = join(folder, 'files/boot');
  const slot = join(folder, 'files/slot');
  const input = join(folder, 'input');
  const include = join(folder, 'include');
  for (const path of [boot, slot, input, include]) await mkdir(path, { recursive: true });
  const script = { folder, epoch: String(date), log };

  await makeScript(join(boot, 'boot.scr'), 'boot', '', script);
  for (const name of ['skyminer.txt', 'board.yaml'])
    await copyFile(join(import.meta.dirname, name), join(boot, name));

  const devicetree = deviceTree === undefined ? '' : 'board.dtb';
  const settings = [
    `setenv console ${board.console}`,
    `setenv arguments ${board.kernelArguments.join(' ')}`,
    `setenv devicetree ${devicetree}`,
  ].map((line) => `${line.trim()}\n`);
  await makeScript(join(slot, 'slot.scr'), 'slot', settings.join(''), script);
  await copyFile(kernel, join(slot, 'Image'));
  await copyFile(initramfs, join(slot, 'initrd'));
  if (deviceTree !== undefined) await copyFile(deviceTree, join(slot, devicetree));

  await copyFile(squashfs, join(input, 'root.squashfs'));
  await copyFile(uBoot, join(input, 'u-boot.bin'));
  await writeFile(join(input, 'state.bin'), newStatePartition(STATE_SIZE));

  await copyFile(join(board.directory, 'genimage.cfg'), join(include, 'genimage.cfg'));
  for (const name of ['filesystems.cfg', 'partitions.cfg']) {
    await copyFile(join(import.meta.dirname, name), join(include, name));
  }
  await runGenimage(script);
  await rename(join(folder, 'output/skyminer.img'), join(folder, 'skyminer.img'));
}

/** It passes paths through a shell: relative ones have no spaces or quotes, wherever the repository lies. */
async function runGenimage({ folder, epoch, log }: ScriptOptions): Promise<void> {
  const places = {
    rootpath: 'files',
    tmppath: 'scratch',
    inputpath: 'input',
    outputpath: 'output',
    includepath: 'include',
    config: 'include/genimage.cfg',
  };
  await run(
    'genimage',
    Object.entries(places).flatMap(([name, value]) => [`--${name}`, value]),
    {
      cwd: folder,
      log,
      env: { SOURCE_DATE_EPOCH: epoch, E2FSPROGS_FAKE_TIME: epoch, E2FSCK_TIME: epoch, TZ: 'UTC' },
    },
  );
}

interface ScriptOptions {
  folder: string;
  /** SOURCE_DATE_EPOCH of what is made. */
  epoch: string;
  log: string;
}

/** Compiles NAME.cmd beside this file, with lines that stand before it, for U-Boot. */
async function makeScript(
  target: string,
  name: string,
  before: string,
  { folder, epoch, log }: ScriptOptions,
): Promise<void> {
  const source = join(folder, `${name}.cmd`);
  await writeFile(source, before + (await readFile(join(import.meta.dirname, `${name}.cmd`), 'utf8')));
  const args = ['-A', 'arm64', '-T', 'script', '-C', 'none', '-n', name, '-d', source, target];
  await run('mkimage', args, { log, env: { SOURCE_DATE_EPOCH: epoch } });
}
