import { join } from 'node:path';
import type { Board } from '../board-file.ts';
import { writeFileMode } from '../files.ts';
import { type Origin, osRelease } from '../os-release.ts';
import { raucConfig } from '../update/rauc-config.ts';

/** Writes into a root what tells its board and its version. */
export async function writeBoardFiles(
  root: string,
  board: Board,
  version: string,
  origin: Origin,
): Promise<void> {
  await writeFileMode(join(root, 'usr/lib/os-release'), osRelease(board.name, version, origin));
  await writeFileMode(join(root, 'usr/lib/systemd/system.conf.d/watchdog.conf'), watchdogConfig(board));
  await writeFileMode(join(root, 'etc/rauc/system.conf'), raucConfig(board.name));
}

/** systemd feeds the hardware watchdog, from when it is found to the last moment of a shutdown: systemd-system.conf(5). */
function watchdogConfig({ watchdog: { seconds } }: Board): string {
  return `[Manager]\nRuntimeWatchdogSec=${seconds}\nRebootWatchdogSec=${seconds}\n`;
}
