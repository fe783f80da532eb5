import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { bundle, temporaryFolder } from './support.ts';

const name = `viscript-${process.getuid?.()}`;

/** One command on a machine where the login has made no folder for sockets. */
async function viscript(temporary: string) {
  const { PATH, HOME } = process.env;
  const child = spawn(process.execPath, [join(bundle, 'viscript.js'), 'la'], {
    env: { PATH, HOME, TMPDIR: temporary },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stderr, [status]] = await Promise.all([text(child.stderr), once(child, 'close')]);
  return { status, stderr };
}

it('keeps its sockets in a folder of its own where the login has made none', async () => {
  await using folder = await temporaryFolder();
  expect(await viscript(folder.path)).toMatchObject({ status: 3 });
  expect((await stat(join(folder.path, name))).mode & 0o777).toBe(0o700);
  expect(await viscript(folder.path)).toMatchObject({ status: 3 });
});

it.each<[string, (path: string) => Promise<void>]>([
  [
    'others may write in',
    async (path) => {
      await mkdir(path);
      await chmod(path, 0o777);
    },
  ],
  [
    'leads elsewhere',
    async (path) => {
      await mkdir(`${path}-elsewhere`, { mode: 0o700 });
      await symlink(`${path}-elsewhere`, path);
    },
  ],
  ['is no folder', (path) => writeFile(path, '')],
])('speaks to nobody in a folder that %s', async (_, make) => {
  await using folder = await temporaryFolder();
  await make(join(folder.path, name));
  expect(await viscript(folder.path)).toEqual({ status: 1, stderr: expect.stringContaining(name) });
});
