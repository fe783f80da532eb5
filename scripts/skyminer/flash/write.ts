import type { BufferPool } from '../../../image/flash/buffer-pool.ts';
import { type Drive, type DriveOptions, findDrive } from '../../../image/flash/drives/drive.ts';
import { FlashError } from '../../../image/flash/error.ts';
import { flashCards } from '../../../image/flash/flash.ts';
import type { Outcome } from '../../../image/flash/outcome.ts';
import type { Source } from '../../../image/flash/source/source.ts';
import { run } from '../../../image/run.ts';
import { type Board, dropKeys } from './boards.ts';
import { outcomeTable } from './tables.ts';
import { FlashView } from './view.ts';

/** Exit statuses of `skyminer flash`, beside 1 (nothing was written) and 2 (wrong usage). */
export const STATUS = { done: 0, failed: 3, stopped: 130 } as const;

export interface Job {
  source: Source;
  pool: BufferPool;
  signal: AbortSignal;
  /** How drives are looked at. */
  look: DriveOptions;
  /** Folder of the rack from which keys go that are on a card; undefined: they stay. */
  keysIn: string | undefined;
}

export interface WriteOptions extends Job {
  drives: readonly Drive[];
  /** As many as drives, or none. */
  boards: readonly Board[];
}

/**
 * Writes to drives that were agreed upon, and says what became of each.
 *
 * @returns exit status
 * @throws {FlashError} when one is in use since then; nothing was written
 */
export async function writeCards({ drives, boards, keysIn, look, ...job }: WriteOptions): Promise<number> {
  for (const { disk } of drives) await unmount(disk.identity.path, look);
  const targets = drives.map(({ disk }, index) => ({ card: disk.identity, board: boards[index] }));
  let outcomes: Outcome[];
  {
    using view = new FlashView({ output: process.stdout });
    outcomes = await flashCards({
      ...job,
      targets,
      report: (target, progress) => view.report(target, progress),
    });
  }
  process.stdout.write(`\n${outcomeTable(outcomes)}`);
  for (const { state, target } of outcomes)
    if (state === 'done' && target.board !== undefined && keysIn !== undefined)
      for (const complaint of await dropKeys(keysIn, target.board))
        process.stderr.write(`skyminer: ${complaint}\n`);
  if (outcomes.some(({ state }) => state === 'stopped')) return STATUS.stopped;
  return outcomes.every(({ state }) => state === 'done') ? STATUS.done : STATUS.failed;
}

/** A desktop may have mounted it while a person was asked. */
async function unmount(path: string, look: DriveOptions): Promise<void> {
  const { refusal, mounts } = await findDrive(path, look);
  if (refusal !== undefined) throw new FlashError(`${path} ${refusal}: nothing was written`);
  for (const place of mounts) await run('umount', ['--', place]);
}
