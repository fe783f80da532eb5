import { execFile, execFileSync } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';

const bootstrap = join(import.meta.dirname, '../../scripts/lib/bootstrap.sh');
/** What the script itself uses; a PATH with only these has neither Node.js nor npm. */
const tools = ['bash', 'cat', 'dirname', 'flock', 'ln', 'mkdir', 'sed', 'sha256sum', 'tail', 'uname'];

let folder: string;
let repository: string;

/** A repository whose only dependency lies in it and brings the command `node`, so that npm needs no network. */
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bootstrap '));
  repository = join(folder, 'skym é x');
  await mkdir(join(repository, 'scripts/lib'), { recursive: true });
  await copyFile(bootstrap, join(repository, 'scripts/lib/bootstrap.sh'));
  await mkdir(join(repository, 'node-linux-own/bin'), { recursive: true });
  await writeJson('node-linux-own/package.json', {
    name: 'node-linux-own',
    version: '1.0.0',
    bin: { node: 'bin/node' },
  });
  const node = `#!/bin/sh\nOWN_NODE=yes exec '${process.execPath}' "$@"\n`;
  await writeFile(join(repository, 'node-linux-own/bin/node'), node);
  await chmod(join(repository, 'node-linux-own/bin/node'), 0o755);
  const manifest = {
    name: 'made-up',
    version: '1.0.0',
    dependencies: { 'node-linux-own': 'file:node-linux-own' },
  };
  await writeJson('package.json', manifest);
  await writeJson('package-lock.json', {
    ...{ name: 'made-up', version: '1.0.0', lockfileVersion: 3, requires: true },
    packages: {
      '': manifest,
      'node_modules/node-linux-own': { resolved: 'node-linux-own', link: true },
      'node-linux-own': { version: '1.0.0', bin: { node: 'bin/node' } },
    },
  });
  await writeFile(join(repository, '.npmrc'), 'ignore-scripts=true\noffline=true\n');
  await writeFile(
    join(repository, 'program.js'),
    'console.log(JSON.stringify([process.env.OWN_NODE, ...process.argv.slice(2)]))',
  );
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

async function writeJson(name: string, value: object): Promise<void> {
  await writeFile(join(repository, name), JSON.stringify(value));
}

interface Result {
  status: number;
  stdout: string;
  stderr: string;
}

/** Runs the repository's program as a script of it does, from another folder. */
async function start(words: string[] = [], path = process.env.PATH): Promise<Result> {
  const script = 'set -euo pipefail; source "$1"; shift; run_with_node "$root/program.js" "$@"';
  const args = ['-c', script, 'test', join(repository, 'scripts/lib/bootstrap.sh'), ...words];
  const running = promisify(execFile)('/bin/bash', args, {
    cwd: folder,
    env: { ...process.env, NODE_COMPILE_CACHE: undefined, PATH: path },
  });
  return await running.then(
    ({ stdout, stderr }) => ({ status: 0, stdout, stderr }),
    ({ code, stdout, stderr }) => ({ status: code, stdout, stderr }),
  );
}

/** A folder with only the named programs, and Node.js where it says so. */
async function pathWithout(npm: 'npm' | 'node and npm'): Promise<string> {
  const path = join(folder, 'bin');
  await mkdir(path);
  for (const tool of tools) {
    await symlink(execFileSync('which', [tool], { encoding: 'utf8' }).trim(), join(path, tool));
  }
  if (npm === 'npm') await symlink(process.execPath, join(path, 'node'));
  return path;
}

async function installations(): Promise<string[]> {
  const logs = await readdir(join(repository, 'out/logs'));
  return logs.filter((name) => name.startsWith('npm-ci'));
}

it('installs what the lock file names and runs a program with its Node.js, with spaces and accents in the path', async () => {
  const { status, stdout } = await start(['two words', 'é', '']);
  expect(status).toBe(0);
  expect(stdout).toMatch(/^The npm packages .*\n✓ Install npm packages +\d+\.0 s\n/);
  expect(stdout.trimEnd().split('\n').at(-1)).toBe('["yes","two words","é",""]');
});

it('keeps what Node.js has compiled, for the next start', async () => {
  await start();
  const kept = await readdir(join(repository, 'out/cache/node'), { recursive: true, withFileTypes: true });
  expect(kept.filter((entry) => entry.isFile())).not.toEqual([]);
});

it('needs no npm when nothing has changed', async () => {
  await start();
  const { status, stdout } = await start(['again'], await pathWithout('node and npm'));
  expect({ status, stdout }).toEqual({ status: 0, stdout: '["yes","again"]\n' });
});

it('installs again when the lock file changed', async () => {
  await start();
  const lock = join(repository, 'package-lock.json');
  await writeFile(lock, `${await readFile(lock, 'utf8')}\n`);
  expect((await start()).stdout).toContain('✓ Install npm packages');
  expect((await start()).stdout).toBe('["yes"]\n');
});

it.each(['npm', 'node and npm'] as const)('says what to do where %s is missing', async (missing) => {
  const { status, stderr } = await start([], await pathWithout(missing));
  expect(status).toBe(1);
  expect(stderr).toContain("install them with 'apt-get install nodejs npm'");
});

it('shows why npm failed and what to do, and tries again the next time', async () => {
  const manifest = join(repository, 'package.json');
  const before = await readFile(manifest, 'utf8');
  await writeFile(manifest, before.replace('file:node-linux-own', '^9.0.0'));
  const failed = await start();
  expect(failed.status).toBe(1);
  expect(failed.stdout).toContain('✗ Install npm packages');
  expect(failed.stderr).toContain('What to do:');
  expect(await installations()).toHaveLength(1);
  await writeFile(manifest, before);
  expect((await start()).status).toBe(0);
});

it('installs once when two scripts start at the same time', async () => {
  const both = await Promise.all([start(['one']), start(['two'])]);
  expect(both.map(({ status }) => status)).toEqual([0, 0]);
  expect(both.filter(({ stdout }) => stdout.includes('Install npm packages'))).toHaveLength(1);
});

it('makes the link to Node.js that an older npm loses', async () => {
  const manifest = { name: 'node-linux-own', version: '1.0.0' };
  await writeJson('node-linux-own/package.json', manifest);
  const lock = join(repository, 'package-lock.json');
  await writeFile(lock, (await readFile(lock, 'utf8')).replace(',"bin":{"node":"bin/node"}', ''));
  expect((await start(['linked'])).stdout).toContain('["yes","linked"]');
});

it('is found through a link to its folder', async () => {
  const link = join(folder, 'link');
  await symlink(repository, link);
  repository = link;
  expect((await start(['linked'])).stdout).toContain('["yes","linked"]');
});
