import { describe, expect, it } from 'vitest';
import {
  addTallies,
  longestFiles,
  report,
  tallyOfCheck,
  tallyOfVitest,
} from '../../scripts/check/results.ts';

const passed = { name: 'answers', state: 'passed', errors: [] };
const failed = {
  name: 'restarts',
  state: 'failed',
  errors: ['AssertionError: expected 1 to be 2\nat line 3'],
};
const skipped = { name: 'needs tun', state: 'skipped', errors: [], note: 'no /dev/net/tun here' };
const end = { kind: 'end', errors: [] };

function lines(...records: object[]): string {
  return records.map((record) => `${JSON.stringify(record)}\n`).join('');
}

function file(tests: object[], errors: string[] = []): object {
  return { kind: 'file', file: 'test/a.test.ts', errors, tests, seconds: 1 };
}

describe('counting a run of vitest', () => {
  it('counts passed, failed and skipped tests', () => {
    const tally = tallyOfVitest('unit tests', lines(file([passed, failed]), file([passed, skipped]), end), 1);
    expect(tally.passed).toBe(2);
    expect(tally.failed).toEqual([{ name: 'test/a.test.ts > restarts', errors: failed.errors }]);
    expect(tally.skipped).toEqual([{ name: 'test/a.test.ts > needs tun', reason: 'no /dev/net/tun here' }]);
  });

  it('counts a file that could not be loaded as a failure', () => {
    const tally = tallyOfVitest('unit tests', lines(file([passed]), file([], ['SyntaxError: oops']), end), 1);
    expect(tally.passed).toBe(1);
    expect(tally.failed).toEqual([{ name: 'test/a.test.ts', errors: ['SyntaxError: oops'] }]);
  });

  it('takes for the reason what a test that was skipped says in its name that it needs', () => {
    const named = { ...skipped, name: 'a board (needs QEMU) > boots', note: undefined };
    expect(tallyOfVitest('unit tests', lines(file([passed, named]), end), 0).skipped).toEqual([
      { name: 'test/a.test.ts > a board (needs QEMU) > boots', reason: 'needs QEMU' },
    ]);
  });

  it('counts a test as failed for which something should have been installed', () => {
    const missing = { ...skipped, note: 'faketime is not installed' };
    expect(tallyOfVitest('unit tests', lines(file([passed, missing]), end), 0)).toMatchObject({
      skipped: [],
      failed: [{ name: 'test/a.test.ts > needs tun', errors: [expect.stringContaining('packages.ts')] }],
    });
  });

  it('counts a failed hook as a failure although its tests are only skipped', () => {
    const hook = file([{ ...skipped, note: undefined }], ['Error: beforeAll']);
    const tally = tallyOfVitest('unit tests', lines(hook, file([passed]), end), 1);
    expect(tally.failed).toHaveLength(1);
    expect(tally.skipped).toEqual([{ name: 'test/a.test.ts > needs tun', reason: 'no reason given' }]);
  });

  it('counts an error outside of tests as a failure', () => {
    const tally = tallyOfVitest(
      'unit tests',
      lines(file([passed]), { kind: 'end', errors: ['unhandled'] }),
      1,
    );
    expect(tally.failed).toEqual([{ name: 'unit tests: outside of tests', errors: ['unhandled'] }]);
  });

  it('counts a test that never finished as a failure', () => {
    const tally = tallyOfVitest('unit tests', lines(file([{ ...passed, state: 'pending' }]), end), 1);
    expect(tally.failed).toEqual([{ name: 'test/a.test.ts > answers', errors: ['it did not finish'] }]);
  });

  it('counts a crash as a failure and keeps what was finished before it', () => {
    const cutOff = `${lines(file([passed, passed]))}{"kind":"file","fi`;
    const tally = tallyOfVitest('unit tests', cutOff, null);
    expect(tally.passed).toBe(2);
    expect(tally.failed).toEqual([
      { name: 'unit tests', errors: ['vitest ended in the middle (killed by a signal)'] },
    ]);
  });

  it('counts a run that wrote nothing as a failure', () => {
    expect(tallyOfVitest('unit tests', '', 0).failed).toHaveLength(1);
  });

  it('counts a run that executed no test as a failure', () => {
    expect(tallyOfVitest('unit tests', lines(end), 0).failed).toHaveLength(1);
    expect(tallyOfVitest('unit tests', lines(file([skipped]), end), 0).failed).toEqual([
      { name: 'unit tests', errors: ['no test was executed'] },
    ]);
  });

  it('counts a bad exit status without a failed test as a failure', () => {
    const tally = tallyOfVitest('unit tests', lines(file([passed]), end), 7);
    expect(tally.failed).toEqual([
      { name: 'unit tests', errors: ['vitest failed without saying why (exit status 7)'] },
    ]);
  });
});

it('names the files that took longest', () => {
  const took = (name: string, seconds: number) => ({
    ...{ kind: 'file', file: name, errors: [], tests: [] },
    seconds,
  });
  const text = lines(took('a', 1.4), took('b', 20), took('c', 7.6), end);
  expect(longestFiles(text, 2)).toBe('b 20 s, c 8 s');
});

describe('the report', () => {
  it('ends with the counts of all checks together', () => {
    const tally = addTallies([
      tallyOfCheck('lint'),
      tallyOfCheck('types', new Error('tsc exited with status 2\nmain.ts(1,1): error')),
      tallyOfVitest('unit tests', lines(file([passed, skipped]), end), 0),
    ]);
    expect(report(tally)).toBe(
      [
        'skipped: test/a.test.ts > needs tun (no /dev/net/tun here)',
        'FAILED: types',
        '    tsc exited with status 2',
        '    main.ts(1,1): error',
        '2 passed, 1 failed, 1 skipped',
        '',
      ].join('\n'),
    );
  });
});
