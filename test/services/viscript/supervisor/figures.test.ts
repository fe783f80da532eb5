import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { figuresOf } from '../../../../services/viscript/supervisor/figures.ts';
import { FiguresServer } from '../../../../services/viscript/supervisor/figures-server.ts';
import { inState, signalApp, startSupervisor, temporaryFolder, until } from '../support.ts';

const config = `
apps:
  app: { path: ${signalApp}, daemon: true }
  failing: { path: "false" }
  idle: { path: sleep }
`;

describe('the figures of the supervisor', () => {
  it('count restarts by app and reason, and tell who is up, what it uses and since when', async () => {
    await using test = await startSupervisor(config, { firstMs: 1, maxMs: 1000, factor: 30 });
    const launch = await test.supervisor.launch('app', []);
    await inState(launch, 'ready');
    process.kill(launch.pid ?? 0, 'SIGKILL');
    await until(launch, () => launch.restarts === 1 && launch.state === 'ready');
    const failing = await test.supervisor.launch('failing', []);
    await until(failing, () => failing.crashLoops && failing.nextRetry !== undefined);
    const text = await figuresOf(test.supervisor, {
      ...{ version: '1.2.3', slot: 'B' },
      temperatures: async () => [{ zone: 'cpu-thermal', celsius: 48.25 }],
    });
    const value = (sample: string) => {
      const line = text.split('\n').find((candidate) => candidate.startsWith(`${sample} `));
      return line === undefined ? undefined : Number(line.slice(sample.length));
    };
    expect(value('viscript_app_restarts_total{app="app"}')).toBe(1);
    expect(value('viscript_app_restarts_by_reason_total{app="app",reason="signal"}')).toBe(1);
    expect(value('viscript_app_restarts_total{app="failing"}')).toBe(failing.restarts);
    expect(value('viscript_app_up{app="app"}')).toBe(1);
    expect(value('viscript_app_up{app="failing"}')).toBe(0);
    expect(value('viscript_app_crash_loop{app="failing"}')).toBe(1);
    expect(value('viscript_app_restarts_total{app="idle"}')).toBe(0);
    expect(value('viscript_app_resident_memory_bytes{app="app"}')).toBeGreaterThan(1_000_000);
    expect(value('viscript_app_cpu_seconds_total{app="app"}')).toBeGreaterThan(0);
    expect(value('viscript_app_start_time_seconds{app="app"}')).toBeCloseTo(launch.startedAt / 1000, 0);
    expect(value('viscript_app_resident_memory_bytes{app="idle"}')).toBeUndefined();
    expect(value('process_resident_memory_bytes')).toBeGreaterThan(1_000_000);
    expect(value('board_temperature_celsius{zone="cpu-thermal"}')).toBe(48.25);
    expect(value('process_open_fds')).toBeGreaterThan(3);
    expect(value(`viscript_build_info{version="1.2.3",node="${process.version}",slot="B"}`)).toBe(1);
  });
});

describe('where they are served', () => {
  it('follows the config, and waits for a place that is taken', async () => {
    await using folder = await temporaryFolder();
    const told = new Map<string, PromiseWithResolvers<string>>();
    const line = (start: string) => {
      const known = told.get(start) ?? Promise.withResolvers<string>();
      told.set(start, known);
      return known;
    };
    const make = (name: string) =>
      new FiguresServer({
        ...{ runtimeDirectory: folder.path, socketMode: 0o660, text: async () => `from ${name}\n` },
        log: (text) => line(`${name} ${text.startsWith('figures on') ? 'serves' : 'waits'}`).resolve(text),
      });
    const [one, other] = [make('one'), make('other')];
    const path = join(folder.path, 'metrics.sock');
    one.follow({ listen: 'socket' });
    expect(await line('one serves').promise).toBe(`figures on ${path}`);
    expect((await stat(path)).mode & 0o777).toBe(0o660);
    expect(await get(path)).toBe('from one\n');
    other.follow({ listen: 'socket' });
    expect(await line('other waits').promise).toContain('another process listens');
    told.clear();
    one.follow({ listen: { host: '127.0.0.1', port: 0 } });
    const { promise } = line('one serves');
    const address = /^figures on (127\.0\.0\.1:\d+)$/.exec(await promise)?.[1];
    expect(await (await fetch(`http://${address}/metrics`)).text()).toBe('from one\n');
    await line('other serves').promise;
    expect(await get(path)).toBe('from other\n');
    one.follow({ listen: 'off' });
    await Promise.all([one.close(), other.close()]);
    await expect(fetch(`http://${address}/metrics`)).rejects.toThrow();
  });
});

async function get(socketPath: string): Promise<string> {
  const [response] = await once(request({ socketPath, path: '/metrics' }).end(), 'response');
  return textOf(response);
}
