import { appendFile, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Tally } from '../../../../scripts/check/results.ts';
import type { Breach } from '../../../../scripts/endurance/sabotage/breaches.ts';
import { sabotageReport } from '../../../../scripts/endurance/sabotage/report.ts';
import { judge } from '../../../../scripts/endurance/sabotage/sabotage.ts';
import { ScratchCopy } from '../../../../scripts/endurance/sabotage/scratch.ts';
import { root } from '../../../../scripts/lib/program.ts';

const breach: Breach = {
  ...{ broken: 'what is kept is flushed', file: 'README.md', find: '# Skyminer\n', replace: '' },
  ...{ project: 'runtime', test: 'a.test.ts', name: 'is there after a cut' },
};
const green: Tally = { passed: 1, failed: [], skipped: [] };
const red = (name: string): Tally => ({ ...green, passed: 0, failed: [{ name, errors: ['gone\n at …'] }] });

it('counts a breach as noticed when the test meant for it, and no other, goes from green to red', () => {
  const meant = 'a.test.ts > a file > is there after a cut';
  expect(judge(breach, green, red(meant))).toMatchObject({ noticed: true, said: 'gone' });
  expect(judge(breach, green, red('a.test.ts: could not be loaded'))).toMatchObject({
    ...{ noticed: false, said: 'it did not go red: a.test.ts: could not be loaded: gone' },
  });
  expect(judge(breach, green, green)).toMatchObject({ noticed: false, said: 'it did not go red: 1 passed' });
  expect(judge(breach, red(meant), red(meant)).noticed).toBe(false);
  const skipped = { passed: 0, failed: [], skipped: [{ name: meant, reason: 'needs root' }] };
  expect(judge(breach, skipped, red(meant)).said).toMatch(/not green.*skipped \(needs root\)/);
});

it('breaks a copy, mends it, and leaves the sources alone', async () => {
  const before = await readFile(join(root, breach.file), 'utf8');
  const copy = await ScratchCopy.make(root);
  const file = join(copy.path, breach.file);
  const mend = await copy.break(breach);
  expect(await readFile(file, 'utf8')).toBe(before.replace(breach.find, ''));
  await mend();
  expect(await readFile(file, 'utf8')).toBe(before);
  await appendFile(file, 'more');
  await copy[Symbol.asyncDispose]();
  expect(await readFile(join(root, breach.file), 'utf8')).toBe(before);
  await expect(stat(copy.path)).rejects.toThrow('ENOENT');
  // What is shared is not removed with it.
  expect((await stat(join(root, 'node_modules'))).isDirectory()).toBe(true);
});

it('reports what was broken, and which test said what', () => {
  const noticed = sabotageReport([judge(breach, green, red('x is there after a cut'))]);
  expect(noticed).toContain('1 of 1 were noticed');
  expect(noticed).toContain('| what is kept is flushed | `a.test.ts`: is there after a cut | red: `gone` |');
  expect(sabotageReport([judge(breach, green, green)])).toContain('**not noticed**: it did not go red');
});
