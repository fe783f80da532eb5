import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MissingExecutable } from '../../../../services/viscript/supervisor/executable.ts';
import { UnknownApp, UnknownId } from '../../../../services/viscript/supervisor/supervisor.ts';
import { inState, isAlive, lineOf, signalApp, startSupervisor, until } from '../support.ts';

const config = `
apps:
  good: { path: ${signalApp}, default_args: [ready], daemon: true }
  slow: { path: ${signalApp}, default_args: [drain, "100"], daemon: true }
  stubborn: { path: ${signalApp}, default_args: [ignore-term, drain, "100000"], daemon: true, stop_grace_period: 100ms }
  mute:
    path: ${signalApp}
    default_args: [stop-answering]
    healthcheck: { interval: 100ms, timeout: 100ms, retries: 2, start_period: 30s }
  late: { path: ${signalApp}, default_args: [never-ready], healthcheck: { start_period: 1s } }
  crasher: { path: ${signalApp}, default_args: [crash], restart: always }
  once: { path: "true", restart: "no" }
  failing: { path: "false", restart: on-failure }
  sleeper: { path: sleep, default_args: ["1000"], daemon: true }
  reader: { path: cat }
  gone: { path: /nowhere/at/all }
  needs-gone: { path: sleep, default_args: ["1000"], depends_on: [gone] }
  base: { path: ${signalApp}, daemon: true }
  upper: { path: sleep, default_args: ["1000"], depends_on: [base] }
`;

describe('starting and ending', () => {
  it('starts an app under its default arguments, or under the ones given instead', async () => {
    await using test = await startSupervisor(config);
    const standard = await test.supervisor.launch('sleeper', []);
    const given = await test.supervisor.launch('sleeper', ['2000']);
    expect([standard.command, given.command]).toEqual(['sleep 1000', 'sleep 2000']);
    expect(given.id).toBe(standard.id + 1);
  });

  it('passes arguments on as they are, capitals, spaces and all', async () => {
    await using test = await startSupervisor('apps: { print: { path: printf, restart: "no" } }');
    const launch = await test.supervisor.launch('print', ['%s\\n', 'Mixed CASE  "and" $PATH']);
    expect(await lineOf(launch, /./)).toBe('Mixed CASE  "and" $PATH');
  });

  it('is ready when the app says so', async () => {
    await using test = await startSupervisor(config);
    const launch = await test.supervisor.launch('good', []);
    await inState(launch, 'ready');
    expect(launch.session?.pid).toBe(launch.pid);
  });

  it('runs the drain hook to its end and says that it did', async () => {
    await using test = await startSupervisor(config);
    const launch = await test.supervisor.launch('slow', []);
    await inState(launch, 'ready');
    const report = await launch.stop();
    expect(report).toMatchObject({ how: 'drained', status: { code: 0, signal: null } });
    expect(launch.output.last(2).map(({ text }) => text)).toEqual(['draining', 'drained']);
  });

  it('kills an app that neither drains nor heeds TERM', async () => {
    await using test = await startSupervisor(config);
    const launch = await test.supervisor.launch('stubborn', []);
    await inState(launch, 'ready');
    expect(await launch.stop()).toMatchObject({ how: 'killed', status: { signal: 'SIGKILL' } });
  });

  it('gives the same report to everyone who stops the same app', async () => {
    await using test = await startSupervisor(config);
    const launch = await test.supervisor.launch('good', []);
    await inState(launch, 'ready');
    const [first, second] = await Promise.all([launch.stop(), launch.stop()]);
    expect(first).toBe(second);
  });

  it('ends grandchildren that left the session', async () => {
    await using test = await startSupervisor(config);
    const launch = await test.supervisor.launch('sleeper', []);
    const shell = await startSupervisor('apps: { shell: { path: sh, restart: "no" } }');
    try {
      const parent = await shell.supervisor.launch('shell', [
        '-c',
        'setsid sleep 1000 & echo $!; exec sleep 1000',
      ]);
      const grandchild = Number(await lineOf(parent, /^\d+$/));
      expect(await isAlive(grandchild)).toBe(true);
      await parent.stop();
      expect(await isAlive(grandchild)).toBe(false);
      expect(await isAlive(launch.pid ?? 0)).toBe(true);
    } finally {
      await shell[Symbol.asyncDispose]();
    }
  });

  it('ends what an app leaves behind that ends by itself, also what has left the session and heeds no signal', async () => {
    await using test = await startSupervisor('apps: { shell: { path: sh, restart: "no" } }');
    const child = 'trap "" TERM HUP; echo $$; while :; do sleep 1000; done';
    const launch = await test.supervisor.launch('shell', ['-c', `setsid sh -c '${child}' & read _`]);
    const left = Number(await lineOf(launch, /^\d+$/));
    expect(await isAlive(left)).toBe(true);
    launch.write('\n');
    await launch.ended;
    expect(launch.lastExit).toMatchObject({ kind: 'exit', code: 0 });
    expect(await isAlive(left)).toBe(false);
  });

  it('feeds what is typed to an app that reads input, and not to a daemon', async () => {
    await using test = await startSupervisor(config);
    const reader = await test.supervisor.launch('reader', []);
    const daemon = await test.supervisor.launch('sleeper', []);
    expect(reader.write('Hello\n')).toBe(true);
    expect(await lineOf(reader, /./)).toBe('Hello');
    expect(daemon.write('Hello\n')).toBe(false);
  });

  it('keeps the last output of an app that is over', async () => {
    await using test = await startSupervisor(config);
    const launch = await test.supervisor.launch('good', ['say', 'farewell']);
    await lineOf(launch, /farewell/);
    await launch.stop();
    expect(test.supervisor.launches).not.toContain(launch);
    expect(test.supervisor.over).toContain(launch);
  });
});

describe('refusing', () => {
  it('starts nothing when the app is unknown', async () => {
    await using test = await startSupervisor(config);
    await expect(test.supervisor.launch('nobody', [])).rejects.toThrow(UnknownApp);
    expect(test.supervisor.launches).toEqual([]);
  });

  it('starts nothing when an executable is missing, be it of something the app depends on', async () => {
    await using test = await startSupervisor(config);
    await expect(test.supervisor.launch('gone', [])).rejects.toThrow(MissingExecutable);
    await expect(test.supervisor.launch('needs-gone', [])).rejects.toThrow('/nowhere/at/all');
    expect(test.supervisor.launches).toEqual([]);
  });

  it.each(['99', '', 'x', '1e0', '-1', '0x1'])('knows no app with the ID %j', async (id) => {
    await using test = await startSupervisor(config);
    await test.supervisor.launch('sleeper', []);
    expect(() => test.supervisor.get(id)).toThrow(UnknownId);
  });
});

describe('keeping apps running', () => {
  it('restarts a crashed app after the back-off and counts it', async () => {
    await using test = await startSupervisor(config, { firstMs: 20 });
    const launch = await test.supervisor.launch('crasher', []);
    await until(launch, () => launch.restarts >= 3);
    expect(launch.lastExit).toMatchObject({ code: 7, cause: 'exit' });
  });

  it('restarts an app that somebody killed', async () => {
    await using test = await startSupervisor(config);
    const launch = await test.supervisor.launch('good', []);
    await inState(launch, 'ready');
    const { pid } = launch;
    process.kill(pid ?? 0, 'SIGKILL');
    await until(launch, () => launch.restarts === 1 && launch.state === 'ready');
    expect(launch.pid).not.toBe(pid);
    expect(launch.lastExit).toMatchObject({ signal: 'SIGKILL' });
  });

  it('leaves an app that ended well alone, and one that must not restart', async () => {
    await using test = await startSupervisor(config);
    const launch = await test.supervisor.launch('once', []);
    await launch.ended;
    expect(launch).toMatchObject({ state: 'exited', restarts: 0, lastExit: { code: 0 } });
  });

  it('stops trying the moment it is told to stop', async () => {
    await using test = await startSupervisor(config, { firstMs: 1_000_000, maxMs: 1_000_000 });
    const launch = await test.supervisor.launch('failing', []);
    await until(launch, () => launch.nextRetry !== undefined && launch.restarts === 1);
    expect(await launch.stop()).toMatchObject({ how: 'not-running' });
  });

  it('takes an app that answers no pings for failed', async () => {
    await using test = await startSupervisor(config);
    const launch = await test.supervisor.launch('mute', []);
    await until(launch, () => launch.restarts === 1);
    expect(launch.lastExit?.reason).toContain('2 pings in a row');
  });

  it('takes an app that never says it is ready for failed', async () => {
    await using test = await startSupervisor(config);
    const launch = await test.supervisor.launch('late', []);
    await until(launch, () => launch.lastExit !== undefined);
    expect(launch.lastExit?.reason).toBe('not ready after 1 s');
  });
});

describe('order', () => {
  it('starts what an app depends on first, and the app when that is ready', async () => {
    await using test = await startSupervisor(config);
    const upper = await test.supervisor.launch('upper', []);
    const base = test.supervisor.launches.find(({ app }) => app.name === 'base');
    expect(upper.pid).toBeUndefined();
    expect(base?.id).toBeLessThan(upper.id);
    await until(upper, () => upper.pid !== undefined);
    expect(base?.state).toBe('ready');
  });

  it('ends apps before those they depend on', async () => {
    const test = await startSupervisor(config);
    const upper = await test.supervisor.launch('upper', []);
    await until(upper, () => upper.pid !== undefined);
    const base = test.supervisor.launches.find(({ app }) => app.name === 'base');
    const order: string[] = [];
    for (const launch of [upper, base]) void launch?.ended.then(() => order.push(launch.app.name));
    await test[Symbol.asyncDispose]();
    expect(order).toEqual(['upper', 'base']);
  });

  it('starts by itself what is marked so', async () => {
    await using test = await startSupervisor(
      'apps: { a: { path: sleep, default_args: ["1000"], autostart: true } }',
    );
    expect(test.supervisor.launches.map(({ app }) => app.name)).toEqual(['a']);
  });
});

describe('reload', () => {
  const entry = (name: string, seconds: number) =>
    `  ${name}: { path: sleep, default_args: ["${seconds}"], daemon: true }\n`;

  it('restarts only what changed, ends what is gone, starts what starts by itself', async () => {
    await using test = await startSupervisor(
      `apps:\n${entry('same', 100)}${entry('other', 100)}${entry('gone', 100)}`,
    );
    const [same] = await Promise.all(
      ['same', 'other', 'gone'].map((name) => test.supervisor.launch(name, [])),
    );
    const added = '  new: { path: sleep, default_args: ["100"], autostart: true }\n';
    await test.writeConfig(`apps:\n${entry('same', 100)}${entry('other', 200)}${added}`);
    expect(await test.supervisor.reload()).toEqual({
      restarted: ['other'],
      started: ['new'],
      stopped: ['gone'],
    });
    expect(test.supervisor.launches).toContain(same);
    expect(test.supervisor.launches.map(({ command }) => command).sort()).toEqual([
      'sleep 100',
      'sleep 100',
      'sleep 200',
    ]);
  });

  it.each([
    ['broken YAML', 'apps: ['],
    ['an unknown key', 'apps: { a: { path: sleep, colour: red } }'],
    ['a wrong type', 'apps: { a: { path: [1] } }'],
    ['a cycle', 'apps: { a: { path: sleep, depends_on: [b] }, b: { path: sleep, depends_on: [a] } }'],
    ['a missing executable', 'apps: { a: { path: /nowhere, autostart: true } }'],
  ])('changes nothing on %s', async (_what, bad) => {
    await using test = await startSupervisor(`apps:\n${entry('a', 100)}`);
    const launch = await test.supervisor.launch('a', []);
    const { config: before } = test.supervisor;
    await test.writeConfig(bad);
    await expect(test.supervisor.reload()).rejects.toThrow();
    expect(test.supervisor.config).toBe(before);
    expect(test.supervisor.launches).toEqual([launch]);
    expect(await isAlive(launch.pid ?? 0)).toBe(true);
  });
});

describe('in the long run', () => {
  it('leaves no process, descriptor or listener behind after 1,000 launches and stops', {
    timeout: 240_000,
  }, async () => {
    await using test = await startSupervisor(
      'apps: { nap: { path: sleep, default_args: ["1000"], daemon: true } }',
    );
    const cycle = async () => {
      const launch = await test.supervisor.launch('nap', []);
      await launch.stop();
    };
    for (let count = 0; count < 20; count++) await cycle();
    const before = resources();
    for (let count = 0; count < 980; count += 20) await Promise.all(Array.from({ length: 20 }, cycle));
    expect(test.supervisor.launches).toEqual([]);
    expect(test.supervisor.over.length).toBeLessThanOrEqual(20);
    const after = resources();
    expect(after.children).toBe(before.children);
    expect(after.descriptors).toBeLessThanOrEqual(before.descriptors + 5);
    expect(test.supervisor.listenerCount('change')).toBe(0);
  });
});

function resources() {
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8')
    .split(' ')
    .filter(Boolean).length;
  return { children, descriptors: readdirSync(join('/proc/self/fd')).length };
}
