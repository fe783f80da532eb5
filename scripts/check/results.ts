import { z } from 'zod';

const testRecord = z.object({
  /** Names of the suites and the test, joined with ` > `. */
  name: z.string(),
  /** `pending`: collected, but never finished. */
  state: z.enum(['passed', 'failed', 'skipped', 'pending']),
  errors: z.array(z.string()),
  /** Why it was skipped, if it said so. */
  note: z.string().optional(),
});
const fileRecord = z.object({
  file: z.string(),
  errors: z.array(z.string()),
  tests: z.array(testRecord),
  /** What its tests and hooks took. */
  seconds: z.number(),
});
const record = z.discriminatedUnion('kind', [
  fileRecord.extend({ kind: z.literal('file') }),
  z.object({ kind: z.literal('end'), errors: z.array(z.string()) }),
]);

export type TestRecord = z.infer<typeof testRecord>;
export type FileRecord = z.infer<typeof fileRecord>;

/** What came out of one or several checks. */
export interface Tally {
  passed: number;
  failed: { name: string; errors: string[] }[];
  skipped: { name: string; reason: string }[];
}

/** One check that is not a test of vitest. */
export function tallyOfCheck(name: string, error?: Error): Tally {
  return error === undefined
    ? { passed: 1, failed: [], skipped: [] }
    : { passed: 0, failed: [{ name, errors: [error.message] }], skipped: [] };
}

/**
 * Counts the lines that the reporter wrote. Besides failed tests these are failures: a test that was skipped for a
 * program which `./scripts/test` should have installed, a file that could not be loaded or whose hooks failed, an
 * error outside of tests, a run that ended in the middle, that executed no test, or whose exit status disagrees with
 * its results.
 *
 * @param run the name under which the run as a whole is reported
 * @param status exit status of vitest; null when it died of a signal
 */
export function tallyOfVitest(run: string, lines: string, status: number | null): Tally {
  const tally: Tally = { passed: 0, failed: [], skipped: [] };
  let ended = false;
  for (const line of lines.split('\n').filter((text) => text !== '')) {
    const parsed = parseRecord(line);
    if (parsed === undefined) break;
    if (parsed.kind === 'file') addFile(tally, parsed);
    else {
      ended = true;
      if (parsed.errors.length > 0)
        tally.failed.push({ name: `${run}: outside of tests`, errors: parsed.errors });
    }
  }
  if (!ended) tally.failed.push({ name: run, errors: [`vitest ended in the middle (${ending(status)})`] });
  else if (tally.passed + tally.failed.length === 0)
    tally.failed.push({ name: run, errors: ['no test was executed'] });
  else if (status !== 0 && tally.failed.length === 0)
    tally.failed.push({ name: run, errors: [`vitest failed without saying why (${ending(status)})`] });
  return tally;
}

export function addTallies(tallies: readonly Tally[]): Tally {
  return {
    passed: tallies.reduce((total, { passed }) => total + passed, 0),
    failed: tallies.flatMap(({ failed }) => failed),
    skipped: tallies.flatMap(({ skipped }) => skipped),
  };
}

/** The files that took longest, the first of all first: `test/a.test.ts 12 s, test/b.test.ts 9 s`. */
export function longestFiles(lines: string, count: number): string {
  const records = lines.split('\n').map(parseRecord);
  return records
    .filter((parsed) => parsed?.kind === 'file')
    .sort((one, other) => other.seconds - one.seconds)
    .slice(0, count)
    .map(({ file, seconds }) => `${file} ${seconds.toFixed(0)} s`)
    .join(', ');
}

/** What is printed at the end: skipped tests with their reasons, failed ones with their errors, the counts. */
export function report(tally: Tally): string {
  const lines = [
    ...tally.skipped.map(({ name, reason }) => `skipped: ${name} (${reason})`),
    ...tally.failed.flatMap(({ name, errors }) => [
      `FAILED: ${name}`,
      ...errors.flatMap((error) => error.split('\n').map((line) => `    ${line}`)),
    ]),
    `${tally.passed} passed, ${tally.failed.length} failed, ${tally.skipped.length} skipped`,
  ];
  return `${lines.join('\n')}\n`;
}

function addFile(tally: Tally, { file, errors, tests }: FileRecord): void {
  if (errors.length > 0) tally.failed.push({ name: file, errors });
  for (const test of tests) {
    const name = `${file} > ${test.name}`;
    if (test.state === 'passed') tally.passed += 1;
    else if (test.state === 'failed') tally.failed.push({ name, errors: test.errors });
    else if (test.state === 'pending') tally.failed.push({ name, errors: ['it did not finish'] });
    else if (test.note?.endsWith(NOT_INSTALLED))
      tally.failed.push({
        name,
        errors: [`${test.note}: its package belongs into scripts/host/packages.ts`],
      });
    else tally.skipped.push({ name, reason: test.note ?? needOf(name) ?? 'no reason given' });
  }
}

/** With this ends the reason of a test that is skipped where a program is missing. */
const NOT_INSTALLED = ' is not installed';

/** Many a test says in its name what it cannot run without: `boots (needs QEMU)`. */
function needOf(name: string): string | undefined {
  return /\((needs [^()]+)\)/.exec(name)?.[1];
}

/** A line cut off by a crash is no record; the missing end is what counts then. */
function parseRecord(line: string): z.infer<typeof record> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  return record.parse(value);
}

function ending(status: number | null): string {
  return status === null ? 'killed by a signal' : `exit status ${status}`;
}
