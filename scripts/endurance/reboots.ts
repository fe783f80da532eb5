import { runTests } from './run-tests.ts';

/** What became of boards that were restarted again and again. */
export interface RebootTotals {
  /** Day of the last run: 2026-01-31. */
  day: string;
  /** In a row, in the last run; half of them were pulled plugs. */
  reboots: number;
  /** None of them counted as a failure of the slot. */
  well: boolean;
}

export interface RebootOptions {
  root: string;
  log: string;
  reboots: number;
  signal: AbortSignal;
}

/** Restarts a board whose slot is confirmed so often, from U-Boot on: test/image/slot-trial.test.ts. */
export async function reboot({ root, log, reboots, signal }: RebootOptions): Promise<RebootTotals> {
  const tally = await runTests(
    [
      '--project',
      'image',
      'test/image/slot-trial.test.ts',
      '--testNamePattern',
      'is confirmed',
      '--testTimeout=0',
    ],
    { root, log, signal, env: { SKYMINER_LONG: '1', SKYMINER_REBOOTS: String(reboots) } },
  );
  // The pattern leaves out the other tests of the file.
  const well = tally.passed === 1 && tally.failed.length === 0;
  return { day: new Date().toISOString().slice(0, 10), reboots, well };
}
