import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { LogKeeper } from '../../../services/viscript/log-keeper.ts';
import { temporaryFolder } from './support.ts';

it('keeps the newest lines, and no more than two files of a mebibyte, whatever the program writes', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'viscript.log');
  const stream = new PassThrough();
  const keeper = new LogKeeper(stream, { path, id: 7, onError: (error) => expect.fail(error.message) });
  const kept = async () => {
    const names = (await readdir(folder.path)).sort().reverse();
    return (await Promise.all(names.map((name) => readFile(join(folder.path, name), 'utf8')))).join('');
  };
  for (let round = 0; round < 10; round++) {
    stream.write(`${'x'.repeat(99)}\n`.repeat(4_000));
    stream.write(`round ${round}\n`);
    await expect.poll(kept, { timeout: 60_000 }).toContain(` 7 stderr round ${round}\n`);
  }
  stream.write('the last words');
  await expect.poll(() => stream.readableLength).toBe(0);
  await keeper.close();
  expect((await kept()).endsWith(' 7 stderr the last words\n')).toBe(true);
  expect(await readdir(folder.path)).toHaveLength(2);
  for (const name of ['viscript.log', 'viscript.log.1']) {
    const { size, mode } = await stat(join(folder.path, name));
    expect(size).toBeLessThan(1_048_576 + 2 * 65_536);
    expect(mode & 0o777).toBe(0o600);
  }
});

it('tells once that the disk does not take the log', async () => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, 'log'), 'in the way of the folder');
  const stream = new PassThrough();
  const errors: Error[] = [];
  const path = join(folder.path, 'log', 'viscript.log');
  const keeper = new LogKeeper(stream, { path, id: 7, onError: (error) => errors.push(error) });
  stream.write('one\n');
  await expect.poll(() => errors, { timeout: 60_000 }).toHaveLength(1);
  stream.end('two\n');
  await expect.poll(() => stream.readableEnded).toBe(true);
  await keeper.close();
  expect(errors).toHaveLength(1);
});
