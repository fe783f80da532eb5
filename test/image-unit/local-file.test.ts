import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readLocal } from '../../image/local-file.ts';

let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skyminer-local-'));
});

afterEach(() => rm(folder, { recursive: true }));

describe('local.yaml', () => {
  it('adds packages, modules and lines for Buildroot', async () => {
    const file = join(folder, 'local.yaml');
    await writeFile(file, 'packages: [strace]\nbuildroot: |\n  BR2_PACKAGE_STRACE=y\n');
    expect(await readLocal(file)).toEqual({
      packages: ['strace'],
      modules: [],
      buildroot: 'BR2_PACKAGE_STRACE=y\n',
    });
  });

  it('changes nothing where it is missing or empty', async () => {
    const none = { packages: [], modules: [], buildroot: '' };
    expect(await readLocal(join(folder, 'local.yaml'))).toEqual(none);
    await writeFile(join(folder, 'local.yaml'), '# nothing\n');
    expect(await readLocal(join(folder, 'local.yaml'))).toEqual(none);
  });

  it('is refused by its name when it is wrong', async () => {
    const file = join(folder, 'local.yaml');
    await writeFile(file, 'packages: ["-o"]\nmore: 1\n');
    await expect(readLocal(file)).rejects.toThrow(/local\.yaml: /);
  });
});
