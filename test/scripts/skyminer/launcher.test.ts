import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

const source = join(import.meta.dirname, '../../../scripts/skyminer/launcher.ts');

let home: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'launcher-'));
  for (const folder of ['bin', 'node_modules/.bin']) await mkdir(join(home, folder), { recursive: true });
  await copyFile(source, join(home, 'bin/launcher.ts'));
});

afterEach(() => rm(home, { recursive: true }));

it.each([
  ['exit 3', 3],
  ['kill -TERM $$', 143],
  ['kill -KILL $$', 137],
])("ends as a shell would say of the tool's end: %s", async (end, status) => {
  await writeFile(join(home, 'node_modules/.bin/node'), `#!/bin/sh\n${end}\n`, { mode: 0o755 });
  const child = spawn(process.execPath, [join(home, 'bin/launcher.ts')], { stdio: 'inherit' });
  expect(await once(child, 'exit')).toEqual([status, null]);
});
