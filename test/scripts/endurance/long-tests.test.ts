import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { run } from '../../../image/run.ts';
import { type LongTest, runLongTests } from '../../../scripts/endurance/long-tests.ts';

/** A repository whose vitest writes down what it is told, and what became of each file as its name says. */
let root: string;

const VITEST = `#!/bin/sh
echo "$SKYMINER_LONG $4" >> told
case "$4" in *fails*) state=failed;; *skips*) state=skipped;; *) state=passed;; esac
cat > "$SKYMINER_TEST_RESULTS" <<EOF
{"kind":"file","file":"$4","errors":[],"seconds":1,"tests":[{"name":"one","state":"passed","errors":[]},{"name":"two","state":"$state","errors":[]}]}
{"kind":"end","errors":[]}
EOF
[ "$state" != failed ]
`;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'skyminer-long-'));
  await mkdir(join(root, 'node_modules/.bin'), { recursive: true });
  await mkdir(join(root, 'test/image'), { recursive: true });
  await writeFile(join(root, 'node_modules/.bin/vitest'), VITEST, { mode: 0o755 });
  for (const name of ['fails', 'skips', 'passes', 'passed'])
    await writeFile(join(root, `test/image/${name}.test.ts`), 'skip unless SKYMINER_LONG is set');
  await writeFile(join(root, 'test/image/short.test.ts'), 'each time');
  await run('git', ['-C', root, 'init', '--quiet']);
  await run('git', ['-C', root, 'add', 'test']);
});

afterAll(() => rm(root, { recursive: true }));

it('runs the long tests that have not passed yet, each file by itself; what was skipped has not passed', async () => {
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
    ['test/image/skips.test.ts', false],
  ]);
  expect((await readFile(join(root, 'told'), 'utf8')).split('\n').sort()).toEqual([
    '',
    '1 test/image/fails.test.ts',
    '1 test/image/passes.test.ts',
    '1 test/image/skips.test.ts',
  ]);
});
