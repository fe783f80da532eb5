import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it, onTestFinished } from 'vitest';
import { urlOfSocket } from '../../services/signal/index.ts';
import { loadConfig } from '../../services/viscript/config/index.ts';
import { Queue, scratchFolder, startServer, untilReady } from '../services/signal/support.ts';

const root = join(import.meta.dirname, '../..');
const examples = join(root, 'docs/examples/hello');
const node = join(root, 'node_modules/.bin/node');

function run(file: string, environment: Record<string, string> = {}) {
  const child = spawn(node, [file], {
    env: { PATH: process.env.PATH, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines = new Queue<string>();
  createInterface(child.stdout).on('line', (line) => lines.push(line));
  return { child, lines, exited: once(child, 'close') };
}

async function manage(file: string): Promise<void> {
  const { path, session } = await startServer();
  const hello = run(file, {
    SIGNAL_URL: urlOfSocket(path),
    SIGNAL_CLIENT_ID: '1',
    SIGNAL_TOKEN: 'first-1',
  });
  const app = await session();
  await untilReady(app);
  expect(await hello.lines.next()).toBe('Hello!');
  expect(await app.ping()).toBeGreaterThan(0);
  expect((await app.usage()).heapUsed).toBeGreaterThan(0);
  expect(String((await once(app, 'status'))[0])).toMatch(/^up for \d+ s$/);
  await app.shutdown(1_000);
  expect(await hello.lines.next()).toBe('Goodbye!');
  expect(await hello.exited).toEqual([0, null]);
}

describe('docs/write-an-app.md', () => {
  it('has an example that viscript manages', async () => {
    await manage(join(examples, 'hello.ts'));
  });

  it('has an example that runs by hand', async () => {
    const hello = run(join(examples, 'hello.ts'));
    expect(await hello.lines.next()).toBe('Hello!');
    hello.child.kill('SIGINT');
    expect(await hello.lines.next()).toBe('Goodbye!');
    expect(await hello.exited).toEqual([0, null]);
  });

  it('shows the example as it is, and a config that viscript accepts', async () => {
    const text = await readFile(join(root, 'docs/write-an-app.md'), 'utf8');
    expect(text).toContain(await readFile(join(examples, 'hello.ts'), 'utf8'));
    const { apps } = await loadConfig(join(examples, 'config.yaml'));
    expect([...apps.keys()]).toEqual(['hello', 'hello-python']);
  });

  it('has a command that makes one file of it, which viscript manages all the same', async () => {
    const text = await readFile(join(root, 'docs/write-an-app.md'), 'utf8');
    const command = /^node_modules\/\.bin\/esbuild .*\\\n.*$/m.exec(text)?.[0] ?? 'false';
    const file = join(await scratchFolder(), 'hello.mjs');
    const there = command.replace('--outfile=hello.mjs', '"--outfile=$OUT"');
    execFileSync('/bin/sh', ['-c', there], { cwd: root, env: { ...process.env, OUT: file }, stdio: 'pipe' });
    await manage(file);
  });
});
