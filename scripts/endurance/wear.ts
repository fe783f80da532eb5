import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../image/run.ts';
import { pause } from '../../services/signal/pause.ts';
import { BootedBoard } from '../measure/booted-board.ts';
import { MeasureError, timeCommand } from '../measure/process.ts';
import { extrapolate, type Wear } from './wear-figure.ts';

export interface WearOptions {
  image: string;
  uBoot: string;
  /** How long the board has settled before the first look, and how long it is watched, in minutes. */
  settleMinutes: number;
  minutes: number;
  progress: (text: string) => void;
  signal: AbortSignal;
}

/** As many as on the busiest board of a rack. */
export const idleApps = 6;
const minuteMs = 60_000;

/** Watches how much an idle board with idle apps writes to its partition `data`. @throws {MeasureError} */
export async function watchWear(options: WearOptions): Promise<Wear> {
  const { settleMinutes, minutes, progress, signal } = options;
  const folder = await mkdtemp(join(tmpdir(), 'skyminer-wear-'));
  try {
    const key = join(folder, 'key');
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
    progress('booting a board');
    await using board = await BootedBoard.start(options, key);
    for (let index = 0; index < idleApps; index++) {
      await board.ask(`start apptracker 127.0.0.1:${20_000 + index}`);
    }
    await board.askUntil('list_apps -f', (answer) => answer.match(/ ready /g)?.length === idleApps);
    progress(`${idleApps} apps are ready; letting it settle for ${settleMinutes} minutes`);
    await pause(settleMinutes * minuteMs, signal);
    signal.throwIfAborted();
    const looks = [await writtenBytes(board)];
    for (let minute = 1; minute <= minutes; minute++) {
      await pause(minuteMs, signal);
      signal.throwIfAborted();
      looks.push(await writtenBytes(board));
      progress(`minute ${minute} of ${minutes}: ${looks.at(-1)} bytes written since the boot`);
    }
    return extrapolate(looks, minuteMs);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Seventh field of the statistics of a block device: sectors of 512 bytes written (Linux, Documentation/block/stat). */
async function writtenBytes(board: BootedBoard): Promise<number> {
  const script = 'cat /sys/class/block/$(basename $(readlink -f /dev/disk/by-partlabel/data))/stat';
  const { stdout } = await timeCommand(board.ssh('admin', script));
  const sectors = Number(stdout.trim().split(/\s+/)[6]);
  if (!Number.isInteger(sectors)) throw new MeasureError(`no statistics of the partition data: ${stdout}`);
  return sectors * 512;
}
