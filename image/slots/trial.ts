import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { emptyRecord, readRecord, reasonOf, type Slot } from '../../services/slots/record.ts';
import { writeNote } from '../disk/state-device.ts';
import { giveAllBack } from './attempts.ts';
import { Health, type Look, type Problem } from './health.ts';
import { portsInUse, recordConfirmed, recordFailure } from './record-file.ts';

export interface TrialOptions {
  slot: Slot;
  /** Of the image in it; undefined when the image does not say: then it never counts as confirmed. */
  version: string | undefined;
  /** Attempts of the slot that are left, as the boot script says it: in hexadecimal. */
  left: string;
  /** The partition `state`. */
  device: string;
  /** The file of what is remembered. */
  record: string;
  /** Where the initramfs says whether there is a trial, and whether a slot is worth falling back to: see image/disk/init. */
  folder: string;
  /** Until this moment of the clock the slot may prove good. */
  untilMs: number;
  /** How long all has to be well without a break. */
  calmMs: number;
  /** Milliseconds that nobody sets. */
  clock: () => number;
  look: () => Promise<Look>;
  /** What explains a problem: the last lines of a log. */
  explain: (problem: Problem) => Promise<string>;
  /** Resolves when it is time for the next look. */
  next: () => Promise<void>;
  log: (text: string) => void;
}

/**
 * `passed`: the slot is confirmed. `failed`: it is not, why is kept, and the board is to be started anew. `stays`: it is not,
 * and there is nothing better to start.
 */
export type TrialResult = 'passed' | 'failed' | 'stays';

/** What a start of the board has come to, by files in `folder`. */
export const MARKS = {
  trial: 'trial',
  fallBack: 'fall-back',
  /** All attempts were given back. */
  good: 'good',
  /** Why the trial failed is kept. */
  told: 'told',
} as const;

/** Watches a slot on trial until it has proved good, or its time is over. */
export async function watchTrial(options: TrialOptions): Promise<TrialResult> {
  const { record, calmMs, untilMs, clock, look, next, log } = options;
  const { network } = (await readRecord(record)) ?? emptyRecord();
  const health = new Health({ calmMs, network });
  let said = '';
  for (;;) {
    const seen = await look();
    const problem = health.take(seen, clock());
    if (problem === undefined) return pass(options, portsInUse(seen.ports));
    if (problem.about !== 'time' && problem.text !== said) log(problem.text);
    said = problem.text;
    if (clock() >= untilMs) return fail(options, problem, !(seen.supervisor instanceof Error));
    await next();
  }
}

async function pass(options: TrialOptions, network: string[]): Promise<TrialResult> {
  const { slot, version, device, record: file, log } = options;
  if (version !== undefined) await kept(log, recordConfirmed(slot, version, network, { file }));
  giveAllBack(device, slot);
  await over(options, true);
  log(`slot ${slot} works: ${version ?? 'an unknown version'} is confirmed`);
  return 'passed';
}

async function fail(options: TrialOptions, problem: Problem, answers: boolean): Promise<TrialResult> {
  const { slot, version, left, device, record: file, folder, explain, log } = options;
  const lines = await explain(problem);
  const reason = reasonOf(lines === '' ? problem.text : `${problem.text}: ${lines}`);
  log(`slot ${slot} has not proved good: ${reason}`);
  await kept(log, recordFailure(slot, reason, { file, version }));
  if (existsSync(join(folder, MARKS.fallBack))) {
    // In case `data` is what does not work: the other slot reads it here.
    writeNote(device, slot, `${left} failed ${reason}`);
    await mark(join(folder, MARKS.told), true);
    return 'failed';
  }
  // As long as somebody can be told what is wrong, the slot is as good as it gets.
  if (answers) giveAllBack(device, slot);
  await over(options, answers);
  return 'stays';
}

/** The trial has come to its end: nothing restarts the board any more. */
async function over({ folder }: TrialOptions, isGood: boolean): Promise<void> {
  await mark(join(folder, MARKS.fallBack), false);
  await mark(join(folder, MARKS.trial), false);
  if (isGood) await mark(join(folder, MARKS.good), true);
}

export async function mark(file: string, there: boolean): Promise<void> {
  if (there) await writeFile(file, '');
  else await rm(file, { force: true });
}

/** A disk that cannot be written is no reason for another slot: it is the same one there. */
async function kept(log: (text: string) => void, writing: Promise<void>): Promise<void> {
  try {
    await writing;
  } catch (error) {
    log(
      `what came of the trial is not remembered: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
