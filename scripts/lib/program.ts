import { join } from 'node:path';
import { StepError, type Steps, showSteps } from '../../image/steps.ts';
import { UsageError } from '../../services/program/usage.ts';

/** The repository's folder. */
export const root = join(import.meta.dirname, '../..');

/**
 * What a person can put right after reading one line. Anything else is a defect and shows where it happened.
 * By name, for loading the classes would take longer than many a command does.
 */
const EXPECTED = new Set([
  'BackupError',
  'BoardError',
  'CommandError',
  'ConsoleError',
  'DownloadFailed',
  'FlashError',
  'ImageError',
  'InvalidFile',
  'InvalidKey',
  'KeyFileError',
  'MeshNotStarted',
  'NotOurFolder',
  'PackagesError',
  'RackError',
  'UsageError',
]);

/** Runs a program to its end and sets the exit status: what `main` returns, or 1 when it throws, 2 for wrong usage. */
export async function runProgram(name: string, main: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await main();
  } catch (error) {
    process.exitCode = error instanceof UsageError ? 2 : 1;
    if (!(error instanceof StepError)) process.stderr.write(`${name}: ${describe(error)}\n`);
  }
}

/** Steps shown on standard output, with their logs in a folder of `out/logs/`. */
export function stepsOf(program: string): Steps {
  return showSteps({ logs: join(root, 'out/logs', program), output: process.stdout });
}

/**
 * Aborts at the first SIGINT, SIGTERM or SIGHUP, so that what runs is ended cleanly. A second SIGINT ends at once. The
 * others may come more than once for one event: of a terminal that is closed, the kernel and the launcher tell.
 */
export function abortOnSignals(): AbortSignal {
  const abort = new AbortController();
  const end = (signal: NodeJS.Signals) => abort.abort(new Error(`ended by ${signal}`));
  process.once('SIGINT', end);
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, end);
  return abort.signal;
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const expected = EXPECTED.has(error.name) || 'code' in error;
  return expected ? error.message : (error.stack ?? error.message);
}
