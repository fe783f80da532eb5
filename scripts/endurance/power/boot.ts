import { createReadStream, createWriteStream } from 'node:fs';
import { rm, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { QemuBoard, type QemuBoardOptions, SerialConsole } from '../../../image/qemu/index.ts';
import { run } from '../../../image/run.ts';
import { expectKept, Lost } from './writer.ts';

export interface BootOptions {
  image: string;
  uBoot: string;
  /** File system that a power cut has left; it becomes the board's `data`. */
  disk: string;
  /** Scratch folder, which is there. */
  folder: string;
  /** Lines that the journal must have. */
  lines: number;
}

const BOOT_MS = 600_000;
const TABLE_BYTES = 1024 * 1024;

/** Tells on the kernel's console, when the board has booted, whether all is well, and how long the journal is. */
const credentials = {
  'systemd.extra-unit.a.service': `
[Unit]
Description=Tells what a power cut has left
After=systemd-user-sessions.service dbus.service
[Service]
Environment=PATH=/usr/sbin:/usr/bin
ExecStart=/bin/bash -c 'echo "after-cut $$(systemctl is-system-running --wait) $$(cat /data/journal/journal | wc -l)."'
StandardOutput=tty
TTYPath=/dev/ttyAMA0
`,
  'systemd.unit-dropin.-.slice': '[Unit]\nWants=a.service\n',
};

/**
 * Boots a board whose `data` is as a power cut left it.
 *
 * @throws {Lost} something does not work on it, or lines are missing
 * @throws {ConsoleError} it does not boot
 */
export async function bootAfterCut({ image, uBoot, disk, folder, lines }: BootOptions): Promise<void> {
  const card = join(folder, 'card.img');
  await run('cp', ['--sparse=always', '--dereference', image, card]);
  try {
    const start = await startOfData(card);
    await pipeline(createReadStream(disk), createWriteStream(card, { flags: 'r+', start }));
    // The disk is larger than `data` of the image: the board finds itself on a larger card, and has room for its table.
    await truncate(card, (await stat(card)).size + TABLE_BYTES);
    const said = await whatItSays({ image: card, uBoot, credentials }, /after-cut \S+ \d+\./);
    const [, state, count] = /after-cut (\S+) (\d+)\./.exec(said) ?? [];
    if (state !== 'running') throw new Lost(`a board is ${state} after a power cut`);
    expectKept(Number(count), lines, 'journal on a board');
  } finally {
    await rm(card);
  }
}

/**
 * Boots a board, on no network unless told otherwise, waits until its kernel's console says so, and pulls its plug.
 *
 * @returns what was said until then
 */
export async function whatItSays(
  options: Pick<QemuBoardOptions, 'uBoot' | 'credentials' | 'image' | 'disk' | 'network' | 'services'>,
  said: RegExp,
): Promise<string> {
  const name = 'skyminer-power';
  await using board = await QemuBoard.start({ name, network: 'none', paused: true, ...options });
  const line = await SerialConsole.open(board.console);
  try {
    await board.resume();
    return await line.waitFor(said, { timeoutMs: BOOT_MS });
  } finally {
    await line.close();
  }
}

async function startOfData(card: string): Promise<number> {
  const { stdout } = await run('sfdisk', ['--json', card]);
  const table: { partitiontable: { sectorsize: number; partitions: { name?: string; start: number }[] } } =
    JSON.parse(stdout);
  const { sectorsize, partitions } = table.partitiontable;
  const data = partitions.find(({ name }) => name === 'data');
  if (data === undefined) throw new Error(`${card} has no partition data`);
  return data.start * sectorsize;
}
