import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { longestFiles, type Tally, tallyOfVitest } from '../../scripts/check/results.ts';

const root = join(import.meta.dirname, '../..');

/** Made-up test files, all given to one run of the real vitest. */
const files = {
  'counted.test.js': `
    it('passes', () => new Promise((resolve) => setTimeout(resolve, 1000)));
    it('fails', () => { throw new Error('because'); });
    it('is skipped', (context) => { context.skip('not today'); });
    it.skipIf(true)('is left out', () => {});`,
  'unhandled.test.js': `it('forgets a promise', () => { Promise.reject(new Error('nobody waits for me')); });`,
  'hook.test.js': `
    beforeAll(() => { throw new Error('no set-up'); });
    it('is never run', () => {});`,
  'broken.test.js': `throw new Error('cannot be loaded');`,
  'dies.test.js': `it('kills its worker', () => { process.kill(process.pid, 'SIGKILL'); });`,
};

let folder: string;
let tally: Tally;
let lines: string;

beforeAll(async () => {
  // Inside the repository, so that the made-up tests find vitest.
  folder = await mkdtemp(join(root, 'node_modules/.reporter-test-'));
  for (const [name, source] of Object.entries(files)) {
    await writeFile(join(folder, name), `import { beforeAll, it } from 'vitest';\n${source}`);
  }
  await writeFile(join(folder, 'vitest.config.mjs'), "export default { test: { include: ['*.test.js'] } };");
  const results = join(folder, 'results.jsonl');
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const reporter = `--reporter=${join(root, 'scripts/check/reporter.ts')}`;
  const env = { PATH: process.env.PATH, SKYMINER_TEST_RESULTS: results };
  const ran = spawnSync(process.execPath, [vitest, 'run', '--root', folder, reporter], { cwd: folder, env });
  lines = await readFile(results, 'utf8');
  tally = tallyOfVitest('made-up', lines, ran.status);
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

function errorsOf(name: string): string {
  return tally.failed
    .filter((failure) => failure.name.startsWith(name))
    .flatMap(({ errors }) => errors)
    .join('\n');
}

it('writes tests that passed', () => {
  expect(tally.passed).toBe(2);
});

it('writes a failed test with its error', () => {
  expect(errorsOf('counted.test.js > fails')).toContain('because');
});

it('writes skipped tests with the reason', () => {
  expect(tally.skipped).toContainEqual({ name: 'counted.test.js > is skipped', reason: 'not today' });
  expect(tally.skipped).toContainEqual({ name: 'counted.test.js > is left out', reason: 'no reason given' });
});

it('writes an error outside of tests', () => {
  expect(errorsOf('made-up: outside of tests')).toContain('nobody waits for me');
});

it('writes the error of a hook and of a file that cannot be loaded', () => {
  expect(errorsOf('hook.test.js')).toContain('no set-up');
  expect(errorsOf('broken.test.js')).toContain('cannot be loaded');
});

it('lets a worker that dies in the middle count as a failure', () => {
  expect(tally.failed.map(({ name }) => name).join()).toContain('dies.test.js');
});

it('writes how long a file took', () => {
  expect(longestFiles(lines, 1)).toMatch(/^counted\.test\.js [1-9]\d* s$/);
});
