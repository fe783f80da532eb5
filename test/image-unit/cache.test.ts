import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Cache, hashTree } from '../../image/cache.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skyminer cache é-'));
});

afterEach(() => rm(folder, { recursive: true }));

describe('the cache of build stages', () => {
  it('makes a result once, and again when an input changes', async () => {
    const cache = new Cache(folder);
    let made = 0;
    const make = async (path: string) => {
      made += 1;
      await writeFile(join(path, 'result'), String(made));
    };
    expect((await cache.folder('stage', ['a'], make)).hit).toBe(false);
    const again = await cache.folder('stage', ['a'], make);
    expect(again.hit).toBe(true);
    expect(await readFile(join(again.path, 'result'), 'utf8')).toBe('1');
    expect((await cache.folder('stage', ['b'], make)).hit).toBe(false);
    expect(made).toBe(2);
  });

  it('keeps nothing of a stage that failed', async () => {
    const cache = new Cache(folder);
    const failing = cache.folder('stage', [], async (path) => {
      await writeFile(join(path, 'half'), '');
      throw new Error('disk full');
    });
    await expect(failing).rejects.toThrow('disk full');
    expect(await readdir(folder)).toEqual([]);
  });

  it('takes one result of two builds that make the same at once', async () => {
    const caches = [new Cache(folder), new Cache(folder)];
    const results = await Promise.all(
      caches.map((cache, index) =>
        cache.folder('stage', [], (path) => writeFile(join(path, 'by'), String(index))),
      ),
    );
    expect(new Set(results.map(({ path }) => path)).size).toBe(1);
    expect(await readdir(folder)).toHaveLength(1);
  });

  it('keeps the three results of a stage that were used last', async () => {
    const cache = new Cache(folder);
    for (const input of [1, 2, 3, 4, 5]) await cache.folder('stage', [input], async () => undefined);
    expect(await readdir(folder)).toHaveLength(3);
  });
});

describe('the hash of a folder', () => {
  it('depends on names, contents, links and execute bits, and not on the place', async () => {
    const [one, two] = [join(folder, 'one'), join(folder, 'two')];
    for (const path of [one, two]) {
      await mkdir(join(path, 'd'), { recursive: true });
      await writeFile(join(path, 'd', 'file'), 'text', { mode: path === one ? 0o644 : 0o600 });
      await symlink('d/file', join(path, 'link'));
    }
    expect(await hashTree(one)).toBe(await hashTree(two));
    const before = await hashTree(one);
    await writeFile(join(one, 'd', 'file'), 'Text');
    expect(await hashTree(one)).not.toBe(before);
    await writeFile(join(one, 'd', 'file'), 'text');
    await rm(join(one, 'link'));
    expect(await hashTree(one)).not.toBe(before);
  });
});
