import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { withLock } from '../../image/lock.ts';

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lock-'));
  file = join(folder, 'below', 'lock');
});

afterEach(() => rm(folder, { recursive: true }));

const neverWaits = () => Promise.reject(new Error('had to wait'));

it('gives the lock to one after the other, and tells who has to wait', async () => {
  const log: string[] = [];
  const inside = Promise.withResolvers<void>();
  const waiting = Promise.withResolvers<void>();
  const first = withLock(file, neverWaits, async () => {
    inside.resolve();
    await waiting.promise;
    log.push('first is done');
    return 1;
  });
  await inside.promise;
  const second = withLock(
    file,
    async (ours) => {
      log.push('second waits');
      waiting.resolve();
      await ours();
    },
    async () => log.push('second works'),
  );
  expect(await first).toBe(1);
  await second;
  expect(log).toEqual(['second waits', 'first is done', 'second works']);
});

it('is free again after an error', async () => {
  await expect(withLock(file, neverWaits, () => Promise.reject(new Error('broken')))).rejects.toThrow(
    'broken',
  );
  expect(await withLock(file, neverWaits, async () => 'works')).toBe('works');
});

it('is free again when its owner is killed', async () => {
  const program = `
    import { withLock } from ${JSON.stringify(join(import.meta.dirname, '../../image/lock.ts'))};
    const never = setInterval(() => undefined, 1000);
    await withLock(${JSON.stringify(file)}, () => undefined, () => new Promise(() => console.log('inside')));
  `;
  const owner: ChildProcess = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (owner.stdout !== null) await once(owner.stdout, 'data');
  const ended = once(owner, 'exit');
  owner.kill('SIGKILL');
  await ended;
  // The helper ends when its input does, which may take it a moment: then this waits for its turn.
  expect(
    await withLock(
      file,
      (ours) => ours(),
      async () => 'works',
    ),
  ).toBe('works');
});

it('says what is wrong when the file cannot be locked', async () => {
  await expect(withLock('/dev/null/lock', neverWaits, async () => undefined)).rejects.toThrow('/dev/null');
});
