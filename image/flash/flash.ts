import { createHash } from 'node:crypto';
import type { BufferPool } from './buffer-pool.ts';
import { CardRun } from './card-run.ts';
import type { Outcome, Progress, Target } from './outcome.ts';
import { piecesOf, type Source } from './source/source.ts';
import { Spool } from './spool.ts';

export interface FlashOptions {
  source: Source;
  targets: readonly Target[];
  pool: BufferPool;
  /** Aborting it leaves cards that do not boot. */
  signal: AbortSignal;
  report: (target: Target, progress: Progress) => void;
}

/**
 * Writes an image to many cards at once, each as fast as it takes it while no more than the pool holds lies between the
 * fastest and the slowest. The image is read, and unpacked, once.
 *
 * @returns what became of each card, in the order of the targets
 * @throws {FlashError} when the image cannot be made that of boards, or there is no room to work: nothing was written
 */
export async function flashCards({
  source,
  targets,
  pool,
  signal,
  report,
}: FlashOptions): Promise<Outcome[]> {
  const image = { size: source.file.size, bytes: source.bytes };
  const runs = targets.map(
    (target) => new CardRun(target, { image, pool, signal, report: (progress) => report(target, progress) }),
  );
  const isProvisioned = targets.some(({ board }) => board !== undefined);
  await using spool = await Spool.make(source, isProvisioned, pool);
  try {
    await Promise.all(runs.map((run) => run.begin()));
    await writePieces(source, spool, runs, pool);
    await Promise.all(runs.map((run) => run.finish(spool)));
  } catch (error) {
    for (const run of runs) await run.fail(error);
  }
  return await Promise.all(runs.map((run) => run.end()));
}

/** Hands every piece of the image to every card. */
async function writePieces(
  source: Source,
  spool: Spool,
  runs: readonly CardRun[],
  pool: BufferPool,
): Promise<void> {
  for await (const piece of piecesOf(source, spool.cuts, pool)) {
    const { buffer, length } = piece;
    const alive = runs.filter((run) => run.isAlive);
    if (alive.length === 0 || spool.holds(piece)) {
      try {
        if (alive.length > 0) await spool.keep(piece);
      } finally {
        pool.give(buffer);
      }
      if (alive.length === 0) return;
      continue;
    }
    const sha256 = createHash('sha256').update(buffer.subarray(0, length)).digest('hex');
    // Not waited for: the pool has an end, and that is how far a card may fall behind.
    void Promise.all(alive.map((run) => run.take({ ...piece, sha256 }))).then(() => pool.give(buffer));
  }
}
