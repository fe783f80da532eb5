import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it, onTestFinished } from 'vitest';
import { urlOfSocket } from '../../services/signal/index.ts';
import { loadConfig } from '../../services/viscript/config/index.ts';
import { launch } from '../services/mesh/program.ts';
import { joinedNodes } from '../services/node/apps/joined.ts';
import { Queue, scratchFolder, startServer, untilReady } from '../services/signal/support.ts';

const root = join(import.meta.dirname, '../..');
const examples = join(root, 'docs/examples/hello');
const greeter = 'docs/examples/mesh/greeter.ts';
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
    expect(text).toContain(await readFile(join(root, greeter), 'utf8'));
    const mesh = await loadConfig(join(root, 'docs/examples/mesh/config.yaml'));
    expect(mesh.apps.get('greeter')).toMatchObject({ mesh: true });
  });

  it('has an app that greets another over the mesh', async () => {
    const [there, here] = await joinedNodes();
    const alice = launch(greeter, ['alice', there.node]);
    expect(await alice.line()).toBe(`alice is at ${there.key}`);
    const bob = launch(greeter, ['bob', here.node, 'alice']);
    expect(await bob.line()).toBe(`bob is at ${here.key}`);
    expect(await bob.line()).toBe('Hello, world! This is alice, and you are bob.');
    alice.child.kill('SIGTERM');
    expect(await alice.exited).toEqual({ code: 0, signal: null });
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
