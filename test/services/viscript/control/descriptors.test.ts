import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ControlClient } from '../../../../services/viscript/control/client.ts';
import { bundle, temporaryFolder } from '../support.ts';

/** Descriptors that the supervisor may have, and connections that are more than it can take. */
const LIMIT = 64;
const FLOOD = 2 * LIMIT;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let supervisor: ChildProcess;
let ended: Promise<unknown>;
let socket: string;

beforeEach(async () => {
  folder = await temporaryFolder();
  const config = join(folder.path, 'config.yaml');
  await writeFile(config, 'apps: { sleeper: { path: sleep, default_args: ["1000"], autostart: true } }');
  const words = ['--runtime-dir', folder.path, '--config', config, '--headless'];
  supervisor = spawn(
    'prlimit',
    [`--nofile=${LIMIT}`, process.execPath, join(bundle, 'viscript.js'), ...words],
    {
      env: { PATH: process.env.PATH, XDG_STATE_HOME: folder.path },
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  ended = once(supervisor, 'exit');
  socket = join(folder.path, 'control.sock');
  for await (const line of createInterface({ input: supervisor.stderr ?? process.stdin })) {
    if (line.includes('ready:')) return;
  }
});

afterEach(async () => {
  supervisor.kill('SIGTERM');
  await ended;
  await folder[Symbol.asyncDispose]();
});

it('outlives the end of its file descriptors, says so to who is connected, and serves when there are some again', async () => {
  const client = await ControlClient.connect(socket);
  const run = async (...argv: string[]) => {
    let output = '';
    const options = { argv, json: false, columns: 0, color: false };
    await client.run(options, (_stream, text) => (output += text), new AbortController().signal);
    return output;
  };
  await expect.poll(() => run('la', '-f'), { timeout: 60_000 }).toMatch(/sleeper +ready/);
  const before = await run('la', '-f');
  const flood: Socket[] = [];
  try {
    for (let count = 0; count < FLOOD; count++) {
      flood.push(createConnection(socket).on('error', () => undefined));
    }
    await expect
      .poll(() => run('status'), { timeout: 60_000 })
      .toMatch(/^trouble: viscript has (as many|\d+) files and connections open/m);
  } finally {
    for (const each of flood) each.destroy();
  }
  await expect.poll(() => run('status'), { timeout: 60_000 }).not.toMatch(/^trouble: viscript has/m);
  expect(await run('la', '-f')).toBe(before);
  const other = await ControlClient.connect(socket);
  expect((await other.hello()).apps).toBe(1);
  other.close();
  client.close();
});
