import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findBuildroot, type Release } from '../../../image/buildroot/release.ts';
import { run } from '../../../image/run.ts';

let folder = '';
let release: Release;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skyminer-release-'));
  const repository = join(folder, 'upstream');
  const git = async (...args: string[]) => (await run('git', ['-C', repository, ...args])).stdout.trim();
  await mkdir(repository);
  await git('init', '--quiet');
  await writeFile(join(repository, 'Makefile'), 'export BR2_VERSION := 1.2.3\n');
  await git('add', '.');
  const author = ['-c', 'user.name=x', '-c', 'user.email=x@example.com', '-c', 'commit.gpgsign=false'];
  await git(...author, 'commit', '--quiet', '-m', 'Release');
  await git(...author, 'tag', '-a', '1.2.3', '-m', 'Release');
  release = { version: '1.2.3', commit: await git('rev-parse', 'HEAD'), repository: `file://${repository}` };
});

afterEach(() => rm(folder, { recursive: true }));

const find = (wanted: Release, environment: NodeJS.ProcessEnv = {}) =>
  findBuildroot(join(folder, 'cache'), wanted, join(folder, 'log'), environment);

describe('the release of Buildroot', () => {
  it('is downloaded once, and known by its commit', async () => {
    const found = await find(release);
    expect(await readFile(join(found, 'Makefile'), 'utf8')).toContain('1.2.3');
    await rm(join(folder, 'upstream'), { recursive: true });
    expect(await find(release)).toBe(found);
  });

  it('is refused when the same name stands for other files', async () => {
    await expect(find({ ...release, commit: '0'.repeat(40) })).rejects.toThrow(
      /its commit is [0-9a-f]{40}, not 0000/,
    );
    await expect(readFile(join(folder, 'cache/buildroot-1.2.3/Makefile'))).rejects.toThrow(/ENOENT/);
  });

  it('that cannot be reached is missed in one line, which says what to set', async () => {
    const gone = { ...release, repository: `file://${folder}/nowhere` };
    await expect(find(gone)).rejects.toThrow(
      /^Buildroot 1\.2\.3 cannot be fetched from \S+: set BUILDROOT_DIR to .*\.$/,
    );
  });

  it('is that in the folder which BUILDROOT_DIR names, unless it is another', async () => {
    const named = { BUILDROOT_DIR: join(folder, 'upstream') };
    expect(await find(release, named)).toBe(named.BUILDROOT_DIR);
    await expect(find({ ...release, version: '1.2.4' }, named)).rejects.toThrow(
      /holds 1\.2\.3: .*Buildroot 1\.2\.4/,
    );
    await expect(find(release, { BUILDROOT_DIR: folder })).rejects.toThrow(/holds no Buildroot/);
  });
});
