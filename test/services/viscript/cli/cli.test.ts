import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, readFile, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { treeOf } from '../../../../services/viscript/launcher/proc.ts';
import { bundle, isAlive, signalApp, temporaryFolder } from '../support.ts';

const config = `
apps:
  sig: { path: ${signalApp}, daemon: true, desc: a signal app, help: "sig [ready]" }
  sleeper: { path: sleep, default_args: ["1000"], daemon: true, desc: sleeps }
  print: { path: printf, restart: "no" }
  shell: { path: sh, restart: "no" }
`;

interface Result {
  status: number | null;
  stdout: string;
  stderr: string;
}

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let supervisors: ChildProcess[];

beforeEach(async () => {
  folder = await temporaryFolder();
  supervisors = [];
  await writeFile(join(folder.path, 'config.yaml'), config);
});

afterEach(async () => {
  for (const supervisor of supervisors) await end(supervisor, 'SIGTERM');
  await folder[Symbol.asyncDispose]();
});

function start(args: string[]): ChildProcess {
  const { PATH, HOME } = process.env;
  const base = ['--runtime-dir', join(folder.path, 'run'), '--config', join(folder.path, 'config.yaml')];
  return spawn(process.execPath, [join(bundle, 'viscript.js'), ...base, ...args], {
    env: { PATH, HOME, XDG_STATE_HOME: join(folder.path, 'state') },
    stdio: 'pipe',
  });
}

async function viscript(args: string[], input = ''): Promise<Result> {
  const child = start(args);
  const output = { stdout: '', stderr: '' };
  child.stdout?.on('data', (chunk) => {
    output.stdout += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    output.stderr += chunk;
  });
  child.stdin?.on('error', () => child.stdin?.destroy()).end(input);
  const [status] = await once(child, 'close');
  return { status, ...output };
}

/** The supervisor's process; the guard it runs under is the process that was started. */
async function startSupervisor(): Promise<ChildProcess> {
  const guard = start(['--headless']);
  supervisors.push(guard);
  let said = '';
  await new Promise<void>((resolve, reject) => {
    guard.stderr?.on('data', (chunk) => {
      said += chunk;
      if (said.includes('ready:')) resolve();
    });
    guard.once('exit', () => reject(new Error(said)));
  });
  return guard;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}

/** Resolves when none of the processes is left; the test's own time limit is the deadline. */
async function gone(pids: number[]): Promise<void> {
  for (const pid of pids) while (await isAlive(pid)) await new Promise((resolve) => setImmediate(resolve));
}

describe('one command', () => {
  it('starts, lists, asks, measures and ends an app in the words of the original', async () => {
    await startSupervisor();
    expect(await viscript(['s', 'sig'])).toMatchObject({
      status: 0,
      stdout: `Added external app (ID: 1, Command: ${signalApp})\n`,
    });
    expect((await viscript(['la'])).stdout).toBe(`[ 1 ] -> [ ${signalApp} ]\n`);
    await until(async () => (await viscript(['--json', 'la'])).stdout.includes('"state":"ready"'));
    expect((await viscript(['ping', '1'])).stdout).toMatch(/^ping time \d+(\.\d+)?(µs|ms|s)\n$/);
    const usage = (await viscript(['ru', '1'])).stdout;
    for (const word of ['CPU', 'RSS', 'PSS', 'Descriptors', 'Threads', 'Heap', 'Loop delay'])
      expect(usage).toContain(word);
    const end = await viscript(['sd', '1']);
    expect(end.stdout).toMatch(/^shutdown pid \d+\nsig \(ID 1\) drained and exited with code 0 after /);
    expect((await viscript(['la'])).stdout).toContain('nothing is running');
  });

  it('takes every alias and gives one line of JSON a result', async () => {
    await startSupervisor();
    for (const words of [
      ['start', 'sleeper'],
      ['s', 'sleeper'],
      ['list_apps'],
      ['la', '-f'],
      ['res_usage', '1'],
      ['ru', '1'],
      ['help'],
      ['h'],
      ['?'],
      ['apps'],
      ['logs', '1'],
      ['status'],
      ['version'],
      ['reload'],
      ['restart', '1'],
      ['shutdown', '2'],
      ['sd', '3'],
    ]) {
      const { status, stdout, stderr } = await viscript(['--json', ...words]);
      expect({ words, status, stderr }).toEqual({ words, status: 0, stderr: '' });
      for (const line of stdout.split('\n').filter(Boolean)) expect(() => JSON.parse(line)).not.toThrow();
    }
  });

  it.each([
    [0, ['apps']],
    [1, ['ping', '77']],
    [1, ['start', 'nobody']],
    [1, ['ping', '1']],
    [2, ['frobnicate']],
    [2, ['ping']],
    [2, ['ping', '1', '2']],
    [2, ['la', '--wrong']],
    [2, ['--wrong']],
  ])('exits with %i for %j', async (status, args) => {
    await startSupervisor();
    const result = await viscript(args);
    expect(result.status).toBe(status);
    if (status !== 0) expect(result.stderr).toMatch(/\S/);
  });

  it('exits with 3 and says what to do when no supervisor runs', async () => {
    const { status, stderr } = await viscript(['la']);
    expect(status).toBe(3);
    expect(stderr).toContain('viscript --headless');
  });

  it('hands arguments to the app as they are', async () => {
    await startSupervisor();
    await viscript(['s', 'print', '<%s>', 'A b', '--json', '-f', '$HOME "q"']);
    await until(async () => (await viscript(['logs', '1'])).stdout.includes('q'));
    expect((await viscript(['logs', '1'])).stdout).toContain('<A b><--json><-f><$HOME "q">');
  });

  it('feeds standard input to the app it is attached to', async () => {
    await startSupervisor();
    const { stdout, status } = await viscript(
      ['start', '-a', 'shell', '-c', 'read word; echo "got $word"'],
      'Something\n',
    );
    expect(status).toBe(0);
    expect(stdout).toContain('got Something');
  });

  it('runs the lines it reads when standard input is no terminal', async () => {
    await startSupervisor();
    const { stdout } = await viscript([], 's sleeper\nla\n');
    expect(stdout).toContain('Added external app (ID: 1');
    expect(stdout).toContain('[ 1 ] -> [ sleep ]');
  });

  it('starts a supervisor of its own where none runs, and ends it', async () => {
    const { stdout, status } = await viscript([], 's sleeper\n--json la\nla --json\n');
    expect(status).toBe(0);
    const pid = Number(/"pid":(\d+)/.exec(stdout)?.[1]);
    expect(pid).toBeGreaterThan(0);
    expect(await isAlive(pid)).toBe(false);
    expect((await viscript(['la'])).status).toBe(3);
    const log = await readFile(join(folder.path, 'state/viscript/viscript.log'), 'utf8');
    expect(log).toMatch(
      /^\S+Z \d+ stderr viscript: ready: [\s\S]* stderr viscript: stopping: its terminal is gone\n/,
    );
  });
});

describe('one supervisor', () => {
  it('refuses to run twice on the same runtime directory and leaves the first one alone', async () => {
    await startSupervisor();
    const second = await viscript(['--headless']);
    expect(second).toMatchObject({ status: 1, stderr: expect.stringContaining('already runs') });
    expect((await viscript(['apps'])).status).toBe(0);
  });

  it.each([
    ['broken YAML', 'apps: {', 1],
    ['an unknown key', 'apps:\n  a:\n    path: sleep\n    colour: red\n', 4],
    ['a wrong type', 'apps:\n  a:\n    path: [sleep]\n', 3],
  ])('does not start on %s, and names file and line', async (_what, text, line) => {
    await writeFile(join(folder.path, 'config.yaml'), text);
    const { status, stderr } = await viscript(['--headless']);
    expect(status).toBe(1);
    expect(stderr).toContain(`config.yaml:${line}:`);
    await expect(access(join(folder.path, 'run', 'control.sock'))).rejects.toThrow();
  });

  it('ends every app, then itself, on quit', async () => {
    const guard = await startSupervisor();
    await viscript(['s', 'sleeper']);
    const tree = await treeOf(guard.pid ?? 0);
    await viscript(['quit']);
    await gone(tree.filter((pid) => pid !== guard.pid));
    await end(guard, 'SIGTERM');
    expect(guard.exitCode).toBe(0);
  });
});

describe('no orphan', () => {
  /** Starts an app with a grandchild that left its session and its environment; resolves to all pids below the guard. */
  async function withGrandchild(guard: ChildProcess): Promise<number[]> {
    const file = join(folder.path, 'grandchild');
    await viscript(['s', 'sig', 'grandchild', file]);
    await viscript(['s', 'shell', '-c', 'setsid sleep 1000 & setsid sleep 1000 & exec sleep 1000']);
    await until(async () => {
      const { stdout } = await viscript(['--json', 'la']);
      return JSON.parse(stdout).every(({ state }: { state: string }) => state === 'ready');
    });
    const tree = await treeOf(guard.pid ?? 0);
    const pids = [...tree, Number(await readFile(file, 'utf8'))].filter((pid) => pid !== guard.pid);
    expect(pids.length).toBeGreaterThanOrEqual(6);
    return pids;
  }

  it('is left when the supervisor is killed', async () => {
    const guard = await startSupervisor();
    const pids = await withGrandchild(guard);
    const exited = once(guard, 'exit');
    process.kill(pids[0] ?? 0, 'SIGKILL');
    await exited;
    await gone(pids);
  });

  it('is left when the guard is killed', async () => {
    const guard = await startSupervisor();
    const pids = await withGrandchild(guard);
    guard.kill('SIGKILL');
    await gone(pids);
  });

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('is left on %s', async (signal) => {
    const guard = await startSupervisor();
    const pids = await withGrandchild(guard);
    await end(guard, signal);
    await gone(pids);
  });
});

describe('the control socket', () => {
  async function rawExchange(bytes: Buffer | string): Promise<string> {
    const socket = createConnection(join(folder.path, 'run', 'control.sock'));
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    // Being cut off in the middle of a write is what the server may do to a flood.
    socket.on('error', () => socket.destroy());
    socket.end(bytes);
    await new Promise((resolve) => socket.on('close', resolve));
    return answer;
  }

  it('answers garbage with an error and goes on serving others', async () => {
    await startSupervisor();
    expect(await rawExchange('this is no JSON\n')).toContain('-32700');
    expect(await rawExchange(Buffer.from([0xff, 0xfe, 0x00, 0x0a]))).toContain('-32700');
    expect(await rawExchange('{"jsonrpc":"2.0","id":1,"method":"nothing.there"}\n')).toContain('-32601');
    expect(
      await rawExchange('{"jsonrpc":"2.0","id":1,"method":"command.run","params":{"argv":7}}\n'),
    ).toContain('-32602');
    await rawExchange('x'.repeat(3 * 1024 * 1024));
    expect((await viscript(['apps'])).status).toBe(0);
  });

  it('takes an argument of 100,000 characters and binary-looking words', async () => {
    await startSupervisor();
    expect((await viscript(['ping', '9'.repeat(100_000)])).status).toBe(1);
    expect((await viscript(['ping', '\u0001\u001b[2J'])).status).toBe(1);
  });
});

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setImmediate(resolve));
}
