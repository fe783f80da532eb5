import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { configure, external } from '../../../image/buildroot/configuration.ts';
import { fetchNpmPackages } from '../../../image/buildroot/npm-packages.ts';
import { run } from '../../../image/run.ts';
import { readBoardLock } from '../../../image/runtime.ts';

const tree = process.env.BUILDROOT_DIR ?? '';
const boards = ['orangepi-prime', 'qemu-aarch64'];
// Buildroot wants the Python of the system.
const environment = { ...process.env, PATH: '/usr/sbin:/usr/bin:/sbin:/bin' };

let output = '';

beforeAll(async () => {
  output = await mkdtemp(join(tmpdir(), 'skyminer-buildroot-'));
});

afterAll(() => rm(output, { recursive: true }));

beforeEach((context) => {
  if (tree === '') context.skip('BUILDROOT_DIR names no tree of Buildroot');
});

const setUp = (name: string, local = '') =>
  configure({ tree, output, board: { name }, local, environment, log: join(output, 'log') });
const make = (targets: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  run('make', ['--silent', '--no-print-directory', '-C', output, ...targets], {
    env: { ...environment, ...env },
  });

// Buildroot reads some three thousand recipes each time that it is asked something.
describe('Buildroot', { timeout: 600_000 }, () => {
  it.each(boards)('takes all of the configuration of %s, and has all that it asks for', async (name) => {
    await setUp(name);
    expect(await readFile(join(output, 'log'), 'utf8')).not.toMatch(/unmet direct dependencies|warning:/);
    const { stdout } = await make(['show-info']);
    const info: Record<string, { name?: string }> = JSON.parse(stdout);
    const names = Object.values(info).map((entry) => entry.name);
    for (const wanted of [
      'linux',
      'uboot',
      'systemd',
      'openssh',
      'rauc',
      'nftables',
      'node-bin',
      'skyminer-runtime',
    ])
      expect(names).toContain(wanted);
    expect(names.includes('arm-trusted-firmware')).toBe(name === 'orangepi-prime');
  });

  it('lays lines of this machine’s own over a configuration, and refuses those that come to nothing', async () => {
    await setUp('qemu-aarch64', 'BR2_PACKAGE_STRACE=y\n');
    expect(await readFile(join(output, '.config'), 'utf8')).toContain('\nBR2_PACKAGE_STRACE=y\n');
    await expect(setUp('qemu-aarch64', 'BR2_PACKAGE_NO_SUCH=y\n')).rejects.toThrow(
      /local\.yaml: these lines are not taken:\nBR2_PACKAGE_NO_SUCH=y/,
    );
  });

  it('finds nothing wrong with the form of our files', async () => {
    const entries = await readdir(external, { recursive: true, withFileTypes: true });
    const files = entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
    const log = join(output, 'check-package');
    await run(join(tree, 'utils/check-package'), ['--br2-external', ...files], { env: environment, log });
    expect(await readFile(log, 'utf8')).toMatch(/\n[1-9]\d* lines processed\n0 warnings generated\n/);
  });

  it('gets from npm the packages that its hashes name', async () => {
    const packages = join(output, 'npm-packages');
    await fetchNpmPackages(packages, await readBoardLock());
    await setUp('qemu-aarch64');
    const env = { BR2_DL_DIR: join(output, 'dl'), SKYMINER_NPM_PACKAGES: packages };
    await make(['node-bin-source', 'skyminer-modules-source'], env);
    const taken = ['node-bin', 'skyminer-modules'].map((name) => readdir(join(output, 'dl', name)));
    const files = (await Promise.all(taken)).flat().filter((name) => name.endsWith('.tgz'));
    expect(files.sort()).toEqual((await readdir(packages)).sort());
  });
});
