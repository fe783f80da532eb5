import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { findCommand, runCommand } from '../../../../services/viscript/commands/table.ts';
import { parseConfig } from '../../../../services/viscript/config/index.ts';
import type {
  AdoptedProcess,
  LaunchedProcess,
  Launcher,
} from '../../../../services/viscript/launcher/launcher.ts';
import { ProcessLauncher } from '../../../../services/viscript/launcher/process.ts';
import { maxExits } from '../../../../services/viscript/supervisor/exits.ts';
import { newRunName, Supervisor } from '../../../../services/viscript/supervisor/supervisor.ts';
import { bundle, inState, signalApp, startSupervisor, temporaryFolder, until } from '../support.ts';

const quick = 'healthcheck: { interval: 100ms, timeout: 1s, retries: 2, start_period: 30s }';
const config = `
apps:
  app: { path: ${signalApp}, daemon: true, ${quick} }
  late: { path: ${signalApp}, default_args: [never-ready], healthcheck: { start_period: 100ms } }
  crasher: { path: ${signalApp}, default_args: [crash], restart: always }
  failing: { path: "false" }
  sleeper: { path: sleep, default_args: ["1000"], daemon: true }
`;

describe('an app that hangs', () => {
  it('is noticed, killed and started again, and that reason is kept', async () => {
    await using test = await startSupervisor(config);
    const launch = await test.supervisor.launch('app', []);
    await inState(launch, 'ready');
    const { pid } = launch;
    process.kill(pid ?? 0, 'SIGSTOP');
    await until(launch, () => launch.restarts === 1 && launch.state === 'ready');
    expect(launch.pid).not.toBe(pid);
    const { exits, restarts } = test.supervisor.historyOf('app');
    expect(exits).toMatchObject([
      { kind: 'hung', signal: 'SIGKILL', reason: expect.stringContaining('2 pings') },
    ]);
    expect(restarts).toEqual({ hung: 1 });
    expect(test.log.join()).toContain('2 pings in a row');
  });

  it('is in a crash loop when it is never ready, however long it tries each time', async () => {
    await using test = await startSupervisor(config, { firstMs: 1, maxMs: 1, stableMs: 50 });
    const launch = await test.supervisor.launch('late', []);
    await until(launch, () => launch.crashLoops);
    expect(launch.lastExit).toMatchObject({ kind: 'not-ready', reason: 'not ready after 0.1 s' });
    expect(test.supervisor.historyOf('late').restarts['not-ready']).toBeGreaterThanOrEqual(4);
  });
});

describe('a crash loop', () => {
  it('goes on at the longest delay, and says so', async () => {
    await using test = await startSupervisor(config, { firstMs: 1, maxMs: 5 });
    const launch = await test.supervisor.launch('failing', []);
    await until(launch, () => launch.restarts >= 20);
    await until(launch, () => launch.nextRetry !== undefined);
    expect(launch.retryInMs).toBeLessThanOrEqual(5);
    const text = await output(test.supervisor, ['status']);
    expect(text).toMatch(/failing .* crash loop: it ended \d+ times in a row; last: exited with code 1 \(/);
    const [{ crashLoops, failures, exits }] = JSON.parse(await output(test.supervisor, ['la', '--json']));
    expect({ crashLoops, exits: exits.length }).toEqual({ crashLoops: true, exits: maxExits });
    expect(failures).toBeGreaterThanOrEqual(20);
  });

  it('is over after a stable run', async () => {
    await using test = await startSupervisor(config, { firstMs: 1, maxMs: 1, stableMs: 300 });
    const launch = await test.supervisor.launch('app', []);
    for (let count = 1; count <= 5; count++) {
      await inState(launch, 'ready');
      process.kill(launch.pid ?? 0, 'SIGKILL');
      await until(launch, () => launch.failures === count);
      await until(launch, () => launch.restarts === count);
    }
    expect(launch.crashLoops).toBe(true);
    await until(launch, () => launch.failures === 0);
    expect(launch).toMatchObject({ crashLoops: false, state: 'ready', restarts: 5 });
  });
});

describe('exits', () => {
  it('are kept over the launches of an app, the last ten, and shown by la and status', async () => {
    await using test = await startSupervisor(config);
    for (let count = 0; count < maxExits + 2; count++)
      await (await test.supervisor.launch('sleeper', [])).stop();
    const launch = await test.supervisor.launch('sleeper', []);
    await inState(launch, 'ready');
    process.kill(launch.pid ?? 0, 'SIGKILL');
    await until(launch, () => launch.restarts === 1);
    const { exits } = JSON.parse(await output(test.supervisor, ['status', 'sleeper', '--json']));
    expect(exits).toHaveLength(maxExits);
    expect(exits.at(-1)).toMatchObject({ id: launch.id, kind: 'signal', signal: 'SIGKILL' });
    expect(exits.at(-2)).toMatchObject({ kind: 'stopped', id: launch.id - 1 });
    expect(Math.abs(exits.at(-1).time - Date.now())).toBeLessThan(60_000);
    expect(await output(test.supervisor, ['la', '-f'])).toMatch(
      /LAST EXIT.*\n.*was ended by SIGKILL \(\d+s ago\)/,
    );
    const text = await output(test.supervisor, ['status', 'sleeper']);
    expect(text).toContain('restarts: 1 (signal 1)');
    expect(text).toMatch(
      /WHEN +ID +RAN +HOW\n(.*was stopped: was ended by SIGTERM\n){9}.*was ended by SIGKILL\n$/,
    );
  });

  it('and the place in a crash loop outlive the supervisor where launches do', async () => {
    await using folder = await temporaryFolder();
    const launcher = new OutlivingLauncher();
    const first = await supervisorOn(folder.path, launcher);
    const sleeper = await first.launch('sleeper', []);
    const failing = await first.launch('failing', []);
    await inState(sleeper, 'ready');
    await until(failing, () => failing.failures >= 6 && failing.nextRetry !== undefined);
    const { failures, restarts } = failing;
    const { exits } = first.historyOf('failing');
    await first.release();

    const second = await supervisorOn(folder.path, launcher);
    try {
      const [sameSleeper, sameFailing] = ['sleeper', 'failing'].map((name) =>
        second.launches.find(({ app }) => app.name === name),
      );
      expect(sameSleeper).toMatchObject({ id: sleeper.id, pid: sleeper.pid });
      expect(sameFailing).toMatchObject({ id: failing.id, restarts });
      expect(sameFailing?.failures).toBeGreaterThanOrEqual(failures);
      expect(second.historyOf('failing').exits[0]).toEqual(exits[0]);
    } finally {
      await second.close();
    }
    const third = await supervisorOn(folder.path, launcher);
    expect(third.launches).toEqual([]);
    await third.close();
  });
});

async function supervisorOn(folder: string, launcher: Launcher): Promise<Supervisor> {
  const file = join(folder, 'config.yaml');
  await writeFile(file, config);
  const supervisor = new Supervisor({
    ...{ config: parseConfig(config, file), loadConfig: async () => parseConfig(config, file), launcher },
    ...{ runtimeDirectory: folder, stateDirectory: join(folder, 'state'), libraryDirectory: bundle },
    log: () => undefined,
    backoff: { firstMs: 1, maxMs: 60_000, factor: 10 },
  });
  await supervisor.start();
  return supervisor;
}

/** Real processes that the next supervisor finds again, as those of a board do. */
class OutlivingLauncher implements Launcher {
  readonly kind = 'systemd';
  readonly #inner = new ProcessLauncher(newRunName());
  readonly #running = new Map<number, LaunchedProcess>();

  start(): Promise<void> {
    return Promise.resolve();
  }

  async launch(spec: Parameters<Launcher['launch']>[0]): Promise<LaunchedProcess> {
    const process = await this.#inner.launch(spec);
    this.#running.set(spec.id, process);
    void process.exited.then(() => this.#running.delete(spec.id));
    return process;
  }

  async adopt(): Promise<AdoptedProcess[]> {
    return [...this.#running].map(([id, process]) => ({ id, process }));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** What a command writes on standard output. */
async function output(supervisor: Supervisor, argv: string[]): Promise<string> {
  expect(findCommand(argv[0] ?? '')).toBeDefined();
  let text = '';
  const status = await runCommand(argv, {
    supervisor,
    machine: {
      ...{ version: '0', host: 'here', slot: undefined, slotReason: undefined, lastEnd: undefined },
      ...{ uptime: () => 1, troubles: async () => [] },
      temperatures: async () => [],
      slots: async () => undefined,
    },
    ...{ json: false, color: false, columns: 0, signal: new AbortController().signal },
    input: Readable.from([]),
    write: (_stream, written) => {
      text += written;
    },
    ...{ bytes: () => undefined, drained: async () => undefined, quit: () => undefined },
  });
  expect({ status, text }).toMatchObject({ status: 0 });
  return text;
}
