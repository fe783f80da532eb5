import { readFile } from 'node:fs/promises';
import { printable } from '../commands/format.ts';

/** What the initramfs (image/disk/init) has met with `data`: one line; no file when all went well. */
const dataFile = '/run/skyminer/data';
/** What is wrong with the board file, and what became of data of another format; a line each, written by root. */
const boardFile = '/run/skyminer/board';
const formatFile = '/run/skyminer/format';
/** Why the machine started, as its watchdog tells it: `WDIOF_…` of linux/watchdog.h, in decimal. */
const bootStatusFile = '/sys/class/watchdog/watchdog0/bootstatus';
const cardReset = 0x20;

/** What went wrong when the board started. Never rejects. */
export async function boardTroubles(): Promise<string[]> {
  const files = [dataFile, formatFile, boardFile, bootStatusFile];
  const [data = '', format = '', board = '', bootStatus] = await Promise.all(files.map(lineOf));
  const reset = (Number(bootStatus) & cardReset) !== 0;
  return [
    ...[data, format, board].flatMap((text) =>
      text
        .split('\n')
        .filter((line) => line !== '')
        .map(printable),
    ),
    ...(reset ? ['the board hung, and its hardware watchdog has started it anew'] : []),
  ];
}

/** The content of a small file; empty where there is none, as on a machine without such hardware. */
async function lineOf(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    return `${file} cannot be read: ${String(error)}`;
  }
}
