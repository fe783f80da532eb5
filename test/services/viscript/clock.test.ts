import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it, type TestContext } from 'vitest';
import { CommandError, run } from '../../../image/run.ts';
import { TrackerClient } from '../../../services/names/client.ts';
import { ControlClient } from '../../../services/viscript/control/client.ts';
import { bundle, signalApp, temporaryFolder } from './support.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let guard: ChildProcess | undefined;
beforeEach(async () => {
  folder = await temporaryFolder();
  guard = undefined;
});
afterEach(async () => {
  if (guard && guard.exitCode === null) {
    const exited = once(guard, 'exit');
    guard.kill('SIGTERM');
    await exited;
  }
  await folder[Symbol.asyncDispose]();
});

/** From the time of this machine: about 1970, 2040, and a day both ways. */
const clocks = ['-56y', '+0', '+14y', '-1d', '+1d', '+0'];

/** How often is looked again for what is expected, milliseconds. */
const pollMs = 50;

interface LaunchSeen {
  app: string;
  pid?: number;
  state: string;
  restarts: number;
  startedAt: number;
  exits: { kind: string; time: number }[];
}

it('clocks that jump restart, expire and stall nothing', { timeout: 300_000 }, async (context) => {
  const { client, setClock } = await startWithClock(context);
  const before = await until(client, (apps) =>
    apps.every(({ app, state }) => state === 'ready' || app === 'failing'),
  );
  const tracker = await TrackerClient.connect(await trackerAddress(client));
  const entry = { name: 'held', type: 'test', node: '0'.repeat(64), address: '127.0.0.1:1' };
  await tracker.register(entry, 'a'.repeat(43), 3_600_000);

  for (const clock of clocks) {
    await setClock(clock);
    // The back-off goes on, and so does what is between: pings, the sweep of leases, the log.
    const { restarts } = find(before, 'failing');
    const now = await until(
      client,
      (apps) => find(apps, 'failing').restarts > find(before, 'failing').restarts,
    );
    expect(find(now, 'failing').restarts).toBeGreaterThan(restarts);
    for (const app of ['apptracker', 'app', 'talker']) {
      expect(find(now, app)).toMatchObject({ pid: find(before, app).pid, restarts: 0, state: 'ready' });
    }
    const [found] = await tracker.find({ name: 'held' });
    expect(found?.expiresIn).toBeGreaterThan(3_000_000);
    expect(found?.expiresIn).toBeLessThanOrEqual(3_600_000);
    // Moments are told by the clock as it is now.
    const wall = await wallClock(clock);
    expect(Math.abs(find(now, 'app').startedAt - wall)).toBeLessThan(200_000);
    expect(Math.abs((find(now, 'failing').exits.at(-1)?.time ?? 0) - wall)).toBeLessThan(200_000);
    before.splice(0, before.length, ...now);
  }

  await setClock('-1d');
  await tracker.register({ ...entry, name: 'brief' }, 'a'.repeat(43), 1_000);
  await setClock('+14y');
  expect(await tracker.find({ name: 'brief' })).toHaveLength(1);
  while ((await tracker.find({ name: 'brief' })).length > 0) await delay(pollMs);
  expect(await tracker.find({ name: 'held' })).toHaveLength(1);

  const { pid } = find(before, 'app');
  process.kill(pid ?? 0, 'SIGSTOP');
  const after = await until(
    client,
    (apps) => find(apps, 'app').restarts === 1 && find(apps, 'app').state === 'ready',
  );
  expect(find(after, 'app').exits).toMatchObject([{ kind: 'hung' }]);

  const log = await readFile(join(folder.path, 'state', 'viscript', 'log', 'talker.log'), 'utf8');
  const counts = Array.from(log.matchAll(/tick (\d+)/g), ([, count]) => Number(count));
  expect(counts).toEqual(Array.from(counts, (_, at) => at + 1));
});

/** A supervisor and its apps, all with a clock of which the test sets the time; the monotonic one goes on as it does. */
async function startWithClock(context: TestContext) {
  const library = await libfaketime();
  context.skip(library === undefined, 'faketime is not installed');
  const file = join(folder.path, 'clock');
  const setClock = (offset: string) => writeFile(file, offset);
  await setClock('+0');
  const clock = {
    LD_PRELOAD: library ?? '',
    ...{ FAKETIME_TIMESTAMP_FILE: file, FAKETIME_NO_CACHE: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1' },
  };
  const environment = JSON.stringify(clock);
  const check = 'healthcheck: { interval: 200ms, timeout: 5s, retries: 3, start_period: 60s }';
  const configFile = join(folder.path, 'config.yaml');
  await writeFile(
    configFile,
    `
apps:
  apptracker: { path: apptracker, default_args: ["127.0.0.1:0"], autostart: true, environment: ${environment}, ${check} }
  app: { path: ${signalApp}, daemon: true, autostart: true, environment: ${environment}, ${check} }
  failing: { path: "false", autostart: true }
  talker: { path: sh, default_args: ["-c", "n=0; while sleep 0.2; do n=$((n+1)); echo tick $n; done"], daemon: true, autostart: true }
`,
  );
  const runtime = join(folder.path, 'run');
  const { PATH, HOME } = process.env;
  guard = spawn(
    process.execPath,
    [join(bundle, 'viscript.js'), '--headless', '--runtime-dir', runtime, '--config', configFile],
    {
      env: { PATH, HOME, XDG_STATE_HOME: join(folder.path, 'state'), ...clock },
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  let said = '';
  await new Promise<void>((resolve, reject) => {
    guard?.stderr?.on('data', (chunk) => {
      said += chunk;
      if (said.includes('ready:')) resolve();
    });
    guard?.once('exit', () => reject(new Error(said)));
  });
  return { client: await ControlClient.connect(join(runtime, 'control.sock')), setClock };
}

async function command(client: ControlClient, argv: string[], json: boolean): Promise<string> {
  let text = '';
  const input = (async function* (): AsyncGenerator<string> {
    yield* [];
  })();
  await client.run(
    { argv, json, columns: 0, color: false, input },
    (_stream, written) => {
      text += written;
    },
    new AbortController().signal,
  );
  return text;
}

async function until(
  client: ControlClient,
  condition: (apps: LaunchSeen[]) => boolean,
): Promise<LaunchSeen[]> {
  for (;;) {
    const apps: LaunchSeen[] = JSON.parse(await command(client, ['la'], true));
    if (condition(apps)) return apps;
    await delay(pollMs);
  }
}

function find(apps: LaunchSeen[], name: string): LaunchSeen {
  const launch = apps.find(({ app }) => app === name);
  if (!launch) throw new Error(`${name} is not running`);
  return launch;
}

async function trackerAddress(client: ControlClient): Promise<string> {
  for (;;) {
    const text = await command(client, ['logs', 'apptracker'], false);
    const address = /listening on (\S+:\d+)/.exec(text)?.[1];
    if (address) return address;
    await delay(pollMs);
  }
}

/** The time that a clock with this offset shows, milliseconds since 1970. */
async function wallClock(offset: string): Promise<number> {
  return Number((await run('faketime', ['-f', offset, 'date', '+%s'])).stdout) * 1000;
}

/** Path of the library; undefined when the package is not installed. */
async function libfaketime(): Promise<string | undefined> {
  try {
    return (await run('faketime', ['-f', '+0', 'printenv', 'LD_PRELOAD'])).stdout.trim();
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return undefined;
  }
}
