import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeDurably } from '../../../services/net/durable-file.ts';
import { mayMount, onSmallDisk } from '../small-disk.ts';

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

describe.skipIf(!mayMount)('on a disk that takes no more (needs root)', () => {
  const module = join(import.meta.dirname, '../../../services/net/durable-file.ts');
  const load = `
    const { writeDurably } = await import(${JSON.stringify(module)});
    const file = folder + '/file';
    const tries = (text) => writeDurably(file, text, 0o600).then(() => 'written', ({ code }) => code);
    const kept = () => [fs.readFileSync(file, 'utf8').length, fs.readdirSync(folder)];
    await writeDurably(file, 'x'.repeat(5000), 0o600);
  `;

  it('keeps the whole file of before when the disk is full, and writes again when there is room', async () => {
    const seen = await onSmallDisk(`${load}
      fill();
      const full = [await tries('y'.repeat(9000)), ...kept()];
      fs.rmSync(folder + '/filler');
      return [full, [await tries('z'.repeat(7000)), ...kept()]];`);
    expect(seen).toEqual([
      ['ENOSPC', 5000, ['file', 'filler']],
      ['written', 7000, ['file']],
    ]);
  });

  it('keeps the file of before when the disk can only be read', async () => {
    const seen = await onSmallDisk(`${load} remount('ro'); return [await tries('y'), ...kept()];`);
    expect(seen).toEqual(['EROFS', 5000, ['file']]);
  });
});
