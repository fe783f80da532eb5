import { chmod, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  findWayBack,
  goBack,
  LastGoodConfig,
  lastGoodPath,
  NoWayBack,
  readLastGood,
} from '../../../../services/viscript/config/last-good.ts';
import { temporaryFolder } from '../support.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let path: string;
let file: string;

beforeEach(async () => {
  folder = await temporaryFolder();
  path = lastGoodPath(folder.path);
  file = join(folder.path, 'config.yaml');
});

afterEach(() => folder[Symbol.asyncDispose]());

/** A supervisor that takes a config and is in service with it. */
async function serveWith(text: string, name = file): Promise<void> {
  await writeFile(name, text);
  const good = new LastGoodConfig(path);
  await good.load(name, async () => undefined);
  await good.keep();
}

describe('the last config that worked', () => {
  it('is kept, and written only when it is another one', async () => {
    await serveWith('apps: {}\n');
    expect(await readLastGood(path)).toEqual({ file, text: 'apps: {}\n' });
    const { ino } = await stat(path);
    await serveWith('apps: {}\n');
    expect((await stat(path)).ino).toBe(ino);
    await serveWith('apps:\n');
    expect((await stat(path)).ino).not.toBe(ino);
  });

  it('is not one that was refused, nor one that was written to while it was read', async () => {
    await writeFile(file, 'apps: {}\n');
    const good = new LastGoodConfig(path);
    await expect(good.load(file, () => Promise.reject(new Error('refused')))).rejects.toThrow('refused');
    await good.keep();
    await good.load(file, () => writeFile(file, 'apps: {a: 1}\n'));
    await good.keep();
    expect(await readLastGood(path)).toBeUndefined();
  });

  it('is none when what was kept is damaged', async () => {
    for (const text of ['', '{', '[]', '{"file": 1, "text": ""}']) {
      await writeFile(path, text);
      expect(await readLastGood(path), text).toBeUndefined();
    }
  });
});

describe('going back', () => {
  it('puts the old text in place and keeps the new one beside it', async () => {
    await serveWith('old\n');
    await writeFile(file, 'new\n');
    const way = await findWayBack(path, file, folder.path);
    expect(way).toMatchObject({ before: 'new\n', after: 'old\n' });
    await goBack(way);
    expect(await readFile(file, 'utf8')).toBe('old\n');
    expect(await readFile(way.aside, 'utf8')).toBe('new\n');
  });

  it('brings back a file that is gone, for its owner alone', async () => {
    await serveWith('old\n');
    await rm(file);
    await goBack(await findWayBack(path, file, folder.path));
    expect(await readFile(file, 'utf8')).toBe('old\n');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it.each([0o600, 0o640, 0o644])(
    'shows the secrets of a file to nobody who could not read it: mode %o',
    async (mode) => {
      await serveWith('old\n');
      await writeFile(file, 'new\n');
      await chmod(file, mode);
      const way = await findWayBack(path, file, folder.path);
      await goBack(way);
      for (const each of [file, way.aside]) expect((await stat(each)).mode & 0o777).toBe(mode);
    },
  );

  it('puts aside a file that hides the one that worked', async () => {
    await mkdir(join(folder.path, 'image'));
    await serveWith('packaged\n', join(folder.path, 'image/config.yaml'));
    await writeFile(file, 'mine\n');
    const way = await findWayBack(path, file, folder.path);
    expect(way.after).toBeUndefined();
    await goBack(way);
    await expect(stat(file)).rejects.toThrow('ENOENT');
    expect(await readFile(way.aside, 'utf8')).toBe('mine\n');
  });

  it('is refused with nothing kept, with nothing changed, and for a file of the image', async () => {
    await writeFile(file, 'text\n');
    await expect(findWayBack(path, file, folder.path)).rejects.toThrow(NoWayBack);
    await serveWith('text\n');
    await expect(findWayBack(path, file, folder.path)).rejects.toThrow(/the reason lies elsewhere/);
    await expect(findWayBack(path, '/usr/lib/viscript/config.yaml', folder.path)).rejects.toThrow(
      /came with the image/,
    );
  });
});
