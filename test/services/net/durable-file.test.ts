import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { writeDurably } from '../../../services/net/durable-file.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'durable-'));
});

afterEach(() => rm(folder, { recursive: true }));

it('writes a file with its mode, in place of the one before', async () => {
  const file = join(folder, 'file');
  await writeFile(file, 'before', { mode: 0o644 });
  await writeDurably(file, 'after', 0o600);
  expect(await readFile(file, 'utf8')).toBe('after');
  expect((await stat(file)).mode & 0o777).toBe(0o600);
});

it('goes on where an earlier writer was interrupted', async () => {
  const file = join(folder, 'file');
  await writeFile(`${file}.new`, 'half', { mode: 0o666 });
  await writeDurably(file, 'whole', 0o640);
  expect((await stat(file)).mode & 0o777).toBe(0o640);
  expect(await readdir(folder)).toEqual(['file']);
});

it('leaves nothing behind when it cannot write', async () => {
  const file = join(folder, 'taken');
  await mkdir(join(file, 'below'), { recursive: true });
  await expect(writeDurably(file, 'text', 0o600)).rejects.toThrow('EISDIR');
  expect(await readdir(folder)).toEqual(['taken']);
});
