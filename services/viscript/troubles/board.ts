import { readFile } from 'node:fs/promises';

/** What the initramfs (image/disk/init) has met with `data`: one line; no file when all went well. */
const dataFile = '/run/skyminer/data';
/** Why the machine started, as its watchdog tells it: `WDIOF_…` of linux/watchdog.h, in decimal. */
const bootStatusFile = '/sys/class/watchdog/watchdog0/bootstatus';
const cardReset = 0x20;

/** What went wrong when the board started. Never rejects. */
export async function boardTroubles(): Promise<string[]> {
  const [data, bootStatus] = await Promise.all([lineOf(dataFile), lineOf(bootStatusFile)]);
  const reset = (Number(bootStatus) & cardReset) !== 0;
  return [
    ...(data === '' ? [] : [data]),
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
