import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { run } from '../../../image/run.ts';
import { type LongTest, runLongTests } from '../../../scripts/endurance/long-tests.ts';

/** A repository whose vitest writes down what it is told, and fails for the file `fails`. */
let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'skyminer-long-'));
  await mkdir(join(root, 'node_modules/.bin'), { recursive: true });
  await mkdir(join(root, 'test/image'), { recursive: true });
  await writeFile(
    join(root, 'node_modules/.bin/vitest'),
    '#!/bin/sh\necho "$SKYMINER_LONG $*" >> told\ncase "$*" in *fails*) exit 1;; esac\n',
    { mode: 0o755 },
  );
  for (const name of ['fails', 'passes', 'passed'])
    await writeFile(join(root, `test/image/${name}.test.ts`), 'skip unless SKYMINER_LONG is set');
  await writeFile(join(root, 'test/image/short.test.ts'), 'each time');
  await run('git', ['-C', root, 'init', '--quiet']);
  await run('git', ['-C', root, 'add', 'test']);
});

afterAll(() => rm(root, { recursive: true }));

it('runs the long tests that have not passed yet, each file by itself', async () => {
  const day = '2026-01-31';
  const passed = { file: 'test/image/passed.test.ts', day, minutes: 1, passed: true };
  const saved: LongTest[] = [];
  const well = await runLongTests({
    ...{ root, log: join(root, 'log'), before: { [passed.file]: passed }, progress: () => undefined },
    save: async (test) => void saved.push(test),
    signal: new AbortController().signal,
  });
  expect(well).toBe(false);
  expect(saved.map(({ file, passed }) => [file, passed]).sort()).toEqual([
    ['test/image/fails.test.ts', false],
    ['test/image/passes.test.ts', true],
  ]);
  expect((await readFile(join(root, 'told'), 'utf8')).split('\n').sort()).toEqual([
    '',
    '1 run --project image test/image/fails.test.ts',
    '1 run --project image test/image/passes.test.ts',
  ]);
});
