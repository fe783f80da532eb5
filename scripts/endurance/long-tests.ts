import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../image/run.ts';
import { passedWhole, runTests } from './run-tests.ts';

/** What became of a file of tests that take too long for `./scripts/test`. */
export interface LongTest {
  /** Path from the repository's folder. */
  file: string;
  /** Day of the last run: 2026-01-31. */
  day: string;
  minutes: number;
  /** All of its tests: none failed, and none was skipped. */
  passed: boolean;
}

export interface LongTestsOptions {
  root: string;
  log: string;
  /** What is behind already; files that passed are not run again. */
  before: Readonly<Record<string, LongTest>>;
  save: (test: LongTest) => Promise<void>;
  progress: (text: string) => void;
  /** No file begins after it; the one that runs is ended. */
  signal: AbortSignal;
}

/** By which a test file says that there are tests in it which run only when they are asked for. */
const MARK = 'SKYMINER_LONG';

/**
 * Runs the tests of boards that take too long for every run, one file at a time: each starts as many boards as there
 * are cores. What failed before comes last, the shortest first, so that little waits for it.
 *
 * @returns whether all passed
 */
export async function runLongTests(options: LongTestsOptions): Promise<boolean> {
  const { root, before } = options;
  const left = (await longTestFiles(root)).filter((file) => before[file]?.passed !== true);
  const minutes = (file: string) => before[file]?.minutes ?? 0;
  let well = true;
  for (const file of left.sort((one, other) => minutes(one) - minutes(other)))
    if (!(await runFile(file, options))) well = false;
  return well;
}

/** @returns whether all of it passed; one that was ended has not failed */
async function runFile(file: string, options: LongTestsOptions): Promise<boolean> {
  const { root, log, save, progress, signal } = options;
  if (signal.aborted) return true;
  progress(file);
  const from = performance.now();
  const env = { [MARK]: '1' };
  const passed = passedWhole(await runTests(['--project', 'image', file], { root, log, signal, env }));
  if (signal.aborted) return true;
  const day = new Date().toISOString().slice(0, 10);
  await save({ file, day, minutes: (performance.now() - from) / 60_000, passed });
  return passed;
}

/** Files of tests, by their paths from the repository's folder, of which some run only when they are asked for. */
export async function longTestFiles(root: string): Promise<string[]> {
  const { stdout } = await run('git', ['-C', root, 'ls-files', '-z', 'test/image']);
  const files = stdout.split('\0').filter((file) => file.endsWith('.test.ts'));
  const texts = await Promise.all(files.map((file) => readFile(join(root, file), 'utf8')));
  return files.filter((_file, index) => texts[index]?.includes(MARK) === true);
}
