import { Arrivals } from '../../../image/flash/drives/arrivals.ts';
import type { Board } from './boards.ts';
import { ask } from './confirm.ts';
import { lossTable } from './tables.ts';
import { type Job, STATUS, writeCards } from './write.ts';

export interface TurnOptions extends Job {
  boards: readonly Board[];
  /** A person says yes to every card. */
  isAsked: boolean;
}

/** Writes the cards of boards one after another, as they are put in. @returns exit status, the worst of all cards */
export async function flashInTurn({ boards, isAsked, ...job }: TurnOptions): Promise<number> {
  const arrivals = await Arrivals.begin(job.look);
  let worst: number = STATUS.done;
  const left = [...boards];
  for (let board = left[0]; board !== undefined; board = left[0]) {
    const name = board.settings.board;
    process.stdout.write(
      `Put in the card of ${name} (${boards.length - left.length + 1} of ${boards.length}).\n`,
    );
    const drive = await nextCard(arrivals, job.signal);
    if (drive === undefined) return STATUS.stopped;
    const { identity } = drive.disk;
    const refusal = drive.refusal ?? (identity.size < job.source.file.size ? 'is too small' : undefined);
    if (refusal !== undefined) {
      process.stdout.write(`${identity.path} ${refusal}: take another card.\n`);
      continue;
    }
    process.stdout.write(lossTable([drive], [name]));
    if (isAsked && !(await isWanted(name, job.signal))) continue;
    const status = await writeCards({ ...job, drives: [drive], boards: [board] });
    if (status === STATUS.stopped) return status;
    worst = Math.max(worst, status);
    if (status === STATUS.done) left.shift();
    process.stdout.write(
      status === STATUS.done ? `Take it out: it is the card of ${name}.\n` : 'Take it out.\n',
    );
  }
  return worst;
}

/** @returns undefined when there was Ctrl-C */
async function nextCard(arrivals: Arrivals, signal: AbortSignal) {
  try {
    return await arrivals.next(signal);
  } catch (error) {
    if (!signal.aborted) throw error;
    return undefined;
  }
}

async function isWanted(board: string, signal: AbortSignal): Promise<boolean> {
  const answer = await ask(
    `Everything on it will be lost. Type ${board} to write, anything else for another card: `,
    signal,
  );
  return answer.trim() === board;
}
