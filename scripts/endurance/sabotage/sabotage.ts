import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readTextIfAny } from '../../../image/files.ts';
import { CommandError, run } from '../../../image/run.ts';
import { type Tally, tallyOfVitest } from '../../check/results.ts';
import type { Breach } from './breaches.ts';
import { ScratchCopy } from './scratch.ts';

/** What came of one breach. */
export interface Trial {
  broken: string;
  /** Day on which it was tried: 2026-01-31. */
  day: string;
  test: string;
  name: string;
  /** The test was green before, and red with the promise broken. */
  noticed: boolean;
  /** What the red test said, its first line; or why the breach was not noticed. */
  said: string;
}

export interface SabotageOptions {
  root: string;
  breaches: readonly Breach[];
  /** File to which what the tests print is appended. */
  log: string;
  progress: (text: string) => void;
  /** Told of each trial as soon as it is over. */
  save: (trial: Trial) => Promise<void>;
  signal: AbortSignal;
}

/** Of one test, with all that has to be built for it: on a busy machine an image takes minutes. */
const DEADLINE_MS = 20 * 60_000;

/**
 * Breaks one promise at a time in a copy of the sources, and looks whether the test that is meant to notice goes red. It
 * must be green on the same copy as long as nothing is broken.
 */
export async function sabotage(options: SabotageOptions): Promise<Trial[]> {
  const { root, breaches, progress, save, signal } = options;
  const trials: Trial[] = [];
  await using copy = await ScratchCopy.make(root);
  const green = new Map<string, Tally>();
  for (const [at, breach] of breaches.entries()) {
    if (signal.aborted) break;
    progress(`${at + 1} of ${breaches.length}: ${breach.broken}`);
    const key = `${breach.test} > ${breach.name}`;
    const before = green.get(key) ?? (await runTest(copy, breach, options));
    green.set(key, before);
    const mend = await copy.break(breach);
    const after = await runTest(copy, breach, options).finally(mend);
    if (signal.aborted) break;
    const trial = judge(breach, before, after);
    trials.push(trial);
    await save(trial);
  }
  return trials;
}

/** Whether the breach was noticed by the test that was meant to, and by nothing else that went wrong. */
export function judge({ broken, test, name }: Breach, before: Tally, after: Tally): Trial {
  const trial = { broken, day: new Date().toISOString().slice(0, 10), test, name };
  if (before.failed.length > 0 || before.passed !== 1)
    return { ...trial, noticed: false, said: `the test is not green with nothing broken: ${reason(before)}` };
  const red = after.failed.find((each) => each.name.endsWith(name));
  if (red === undefined) return { ...trial, noticed: false, said: `it did not go red: ${reason(after)}` };
  return { ...trial, noticed: true, said: firstLine(red.errors[0]) };
}

async function runTest(
  copy: ScratchCopy,
  { project, test, name }: Breach,
  { log, signal }: SabotageOptions,
): Promise<Tally> {
  const results = join(copy.path, 'out/results.jsonl');
  await rm(results, { force: true });
  const pattern = `${name.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')}$`;
  const args = ['run', '--project', project, test, '-t', pattern, '--reporter=default'];
  let status: number | null = 0;
  try {
    await run(
      join(copy.path, 'node_modules/.bin/vitest'),
      [...args, '--reporter=./scripts/check/reporter.ts'],
      {
        cwd: copy.path,
        log,
        env: { NO_COLOR: '1', SKYMINER_TEST_RESULTS: results, SKYMINER_IMAGE: undefined },
        signal: AbortSignal.any([signal, AbortSignal.timeout(DEADLINE_MS)]),
      },
    );
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    status = error.status;
  }
  const tally = tallyOfVitest(test, await readTextIfAny(results), status);
  // The other tests of the file are left out by the pattern.
  return { ...tally, skipped: tally.skipped.filter((each) => each.name.endsWith(name)) };
}

function reason({ passed, failed, skipped }: Tally): string {
  const [worst] = failed;
  if (worst !== undefined) return `${worst.name}: ${firstLine(worst.errors[0])}`;
  const [left] = skipped;
  if (left !== undefined) return `it was skipped (${left.reason})`;
  return `${passed} passed`;
}

function firstLine(text = ''): string {
  return (text.split('\n')[0] ?? '').slice(0, 200);
}
