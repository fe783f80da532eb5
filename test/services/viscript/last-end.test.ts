import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readLastEnd, reasonOf } from '../../../services/viscript/last-end.ts';
import { temporaryFolder } from './support.ts';

it.each([
  ['watchdog killed KILL', 'it hung, and its watchdog killed it'],
  ['oom-kill killed KILL', 'it was killed at its memory limit'],
  ['exit-code exited 1', 'it exited with code 1'],
  ['signal killed SEGV', 'it was ended by SIGSEGV'],
  ['core-dump dumped ABRT', 'it was ended by SIGABRT'],
  ['timeout killed TERM', 'it did not start or stop in time'],
  ['resources', 'systemd says: resources'],
  ['', 'systemd says: nothing'],
  ['success exited 0', undefined],
])('reads %j as %j', (text, reason) => {
  expect(reasonOf(`${text}\n`)).toBe(reason);
});

it('knows of no end where none was written, and when it was', async () => {
  await using folder = await temporaryFolder();
  expect(await readLastEnd(folder.path)).toBeUndefined();
  await writeFile(join(folder.path, 'last-end'), 'watchdog killed KILL\n');
  expect(await readLastEnd(folder.path)).toEqual({
    time: expect.closeTo(Date.now(), -5),
    reason: 'it hung, and its watchdog killed it',
  });
});
