import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readTextIfAny } from '../../image/files.ts';
import { report, type Tally, tallyOfVitest } from '../check/results.ts';

export interface RunTestsOptions {
  /** The repository's folder. */
  root: string;
  /** File to which all output is appended, and then what was skipped, what failed, and the counts. */
  log: string;
  /** Laid over this process's environment. */
  env: NodeJS.ProcessEnv;
  /** Aborting it ends what runs. */
  signal: AbortSignal;
}

const REPORTERS = ['--reporter=default', `--reporter=${join(import.meta.dirname, '../check/reporter.ts')}`];

/**
 * Runs tests to their end.
 *
 * @param args what vitest is told after `run`
 * @returns what came of each
 */
export async function runTests(args: readonly string[], options: RunTestsOptions): Promise<Tally> {
  const results = `${options.log}.results`;
  await rm(results, { force: true });
  const status = await runVitest([...args, ...REPORTERS], results, options);
  const tally = tallyOfVitest(args.join(' '), await readTextIfAny(results), status);
  await appendFile(options.log, report(tally));
  return tally;
}

/** Whether there is no test of which it is unknown whether it would pass. */
export function passedWhole({ passed, failed, skipped }: Tally): boolean {
  return passed > 0 && failed.length === 0 && skipped.length === 0;
}

/** @returns its exit status, null when it died of a signal */
async function runVitest(
  args: readonly string[],
  results: string,
  options: RunTestsOptions,
): Promise<number | null> {
  const { root, signal } = options;
  await using log = await open(options.log, 'a');
  const child = spawn(join(root, 'node_modules/.bin/vitest'), ['run', ...args], {
    cwd: root,
    env: { ...process.env, NO_COLOR: '1', SKYMINER_TEST_RESULTS: results, ...options.env },
    stdio: ['ignore', log.fd, log.fd],
    // A group of its own: processes that are busy with a test notice nothing but SIGKILL.
    detached: true,
  });
  const exited = once(child, 'exit');
  const end = () => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
  };
  signal.addEventListener('abort', end);
  if (signal.aborted) end();
  try {
    const [status] = await exited;
    return status;
  } finally {
    signal.removeEventListener('abort', end);
  }
}
