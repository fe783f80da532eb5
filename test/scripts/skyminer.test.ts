import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { build } from '../../scripts/build.ts';

const main = join(import.meta.dirname, '../../scripts/skyminer/main.ts');

function skyminer(...words: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [main, ...words], { encoding: 'utf8', input: '' });
}

describe('skyminer', () => {
  it('lists its commands, and no others than those that work', () => {
    const { status, stdout } = skyminer('--help');
    expect(status).toBe(0);
    const commands = stdout.slice(stdout.indexOf('Commands:')).matchAll(/^ {2}([a-z]+(?:-[a-z]+)*)/gm);
    expect(Array.from(commands, ([, name]) => name)).toEqual([
      'image',
      'provision',
      'flash',
      'qemu',
      'console',
      'hub',
      'bundle',
      'update-keys',
      'passphrase',
      'rack',
      'backup',
      'restore',
      'help',
    ]);
  });

  const commands = [
    'image',
    'provision',
    'flash',
    'qemu',
    'console',
    'hub',
    'bundle',
    'rack',
    'backup',
    'restore',
  ];

  it.each(commands)('explains %s', (command) => {
    const { status, stdout } = skyminer(command, '-h');
    expect(status).toBe(0);
    expect(stdout).toContain(`Usage: skyminer ${command}`);
  });

  it.each([
    { words: ['nosuch'], complaint: "unknown command 'nosuch'" },
    { words: ['qemu', '--count', '0'], complaint: 'whole number from 1' },
    { words: ['qemu', '--rack', 'r', '--count', '2'], complaint: 'cannot be used with' },
    { words: ['console', '--out', 'file'], complaint: '--out goes with --export-tio' },
    { words: ['console', '--baud', 'fast'], complaint: 'whole number from 50' },
    { words: ['hub'], complaint: "missing required argument 'socket'" },
  ])('answers wrong usage ($words) with one line and status 2', ({ words, complaint }) => {
    const { status, stdout, stderr } = skyminer(...words);
    expect(status).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain(complaint);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  it.each([
    { words: ['qemu', '--board', 'nosuch'], advice: "build it with 'skyminer image --board nosuch'" },
    { words: ['qemu', '--count', '2', '--hub', 'h'], advice: '--hub is for a single board' },
    { words: ['qemu', '--boards', 'node1'], advice: 'give --rack FOLDER' },
    { words: ['image', '--source', 'nosuch'], advice: 'use debian' },
    { words: ['console', '--no-reconnect', '/dev/no-such-port'], advice: '/dev/no-such-port: not there yet' },
  ])('answers $words with one line that says what is wrong and status 1', ({ words, advice }) => {
    const { status, stderr } = skyminer(...words);
    expect(status).toBe(1);
    expect(stderr).toContain(advice);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });
});

describe('skyminer hub', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hub-'));
  });

  afterAll(async () => {
    await rm(folder, { recursive: true });
  });

  it('listens, takes commands and ends with its input', () => {
    const socket = join(folder, 'hub.sock');
    const { status, stdout } = spawnSync(process.execPath, [main, 'hub', socket], {
      encoding: 'utf8',
      input: 'cut 52:54:00:5b:00:01\nshow\n',
    });
    expect(status).toBe(0);
    expect(stdout).toContain(`hub on ${socket}`);
    expect(stdout).toContain('52:54:00:5b:00:01 is cut off');
    expect(stdout).toContain('0 frames forwarded');
  });
});

describe('the bin of package.json', () => {
  let folder: string;
  let bin: string;

  /** A repository in which a made-up tool stands in for the real one. */
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bin é '));
    await build({ out: join(folder, 'dist') });
    bin = join(folder, 'dist/skyminer.js');
    await mkdir(join(folder, 'scripts/skyminer'), { recursive: true });
    await writeFile(join(folder, 'package.json'), '{"type":"module"}');
    await writeFile(
      join(folder, 'scripts/skyminer/main.ts'),
      'console.log(JSON.stringify(process.argv.slice(2))); process.exitCode = 7;',
    );
  });

  afterAll(async () => {
    await rm(folder, { recursive: true });
  });

  it('says what to do where nothing is installed yet', () => {
    const { status, stderr } = spawnSync(process.execPath, [bin], { encoding: 'utf8' });
    expect(status).toBe(1);
    expect(stderr).toContain("run 'npm ci'");
  });

  it('hands words and exit status over to the Node.js of the lock file', async () => {
    await mkdir(join(folder, 'node_modules/.bin'), { recursive: true });
    await symlink(process.execPath, join(folder, 'node_modules/.bin/node'));
    const { status, stdout } = spawnSync(process.execPath, [bin, 'two words', 'é'], { encoding: 'utf8' });
    expect(stdout).toBe('["two words","é"]\n');
    expect(status).toBe(7);
  });
});
