import { mkdir } from 'node:fs/promises';
import { flushCompileCache } from 'node:module';
import { join } from 'node:path';
import { whyEnded } from './commands/describe.ts';
import { LastGoodConfig, lastGoodPath } from './config/last-good.ts';
import { loadConfigApart } from './config/load-apart.ts';
import { ControlClient } from './control/client.ts';
import { ControlServer } from './control/server.ts';
import { killDescendants } from './launcher/descendants.ts';
import { enterGuard, livingGuard, replaceGuardIfGone } from './launcher/guard.ts';
import type { Launcher } from './launcher/launcher.ts';
import { ProcessLauncher } from './launcher/process.ts';
import { readMachine } from './machine.ts';
import { openNotifier } from './notify/notifier.ts';
import type { Paths } from './paths.ts';
import { Alerts } from './supervisor/alerts.ts';
import { figuresOf } from './supervisor/figures.ts';
import { FiguresServer } from './supervisor/figures-server.ts';
import { newRunName, Supervisor } from './supervisor/supervisor.ts';

export interface HeadlessOptions {
  paths: Paths;
  libraryDirectory: string;
  /** End when standard input ends: the supervisor belongs to one terminal. */
  owned: boolean;
}

/** Modes of the control socket: a person's own on a laptop; on a board everyone in the group viscript. */
const controlSocketMode = { process: 0o600, systemd: 0o660 } as const;

/**
 * The supervisor in the foreground, until it is told to quit.
 * @returns the exit status
 */
export async function runHeadless({ paths, libraryDirectory, owned }: HeadlessOptions): Promise<number> {
  // A log that nobody reads any more is no reason to end.
  process.stderr.on('error', () => undefined);
  const kind = process.env.VISCRIPT_LAUNCHER === 'systemd' ? 'systemd' : 'process';
  const { runtimeDirectory, stateDirectory, controlSocket } = paths;
  if (kind === 'process') await enterGuard({ runtimeDirectory, libraryDirectory });
  const stop = waitForStop(owned);
  const lastGood = new LastGoodConfig(lastGoodPath(stateDirectory));
  const loadConfig = (file: string) =>
    lastGood.load(file, (path) => loadConfigApart(join(libraryDirectory, 'config-loader.js'), path));
  const keepConfig = () =>
    lastGood.keep().catch((error: unknown) => log(`the config that works is not kept: ${String(error)}`));
  const config = await loadConfig(paths.configFile);
  const notifier = await openNotifier();
  const launcher = await openLauncher(kind);
  await mkdir(stateDirectory, { recursive: true, mode: 0o700 });
  const supervisor = new Supervisor({
    config,
    loadConfig,
    launcher,
    runtimeDirectory,
    stateDirectory,
    libraryDirectory,
    log,
  });
  const machine = await readMachine({ runtimeDirectory, stateDirectory, onBoard: kind === 'systemd' });
  const control = new ControlServer({
    path: controlSocket,
    socketMode: controlSocketMode[kind],
    supervisor,
    machine,
  });
  control.once('quit', () => stop.request('quit'));
  supervisor.on('change', () => notifier.status(summary(supervisor)));
  const alerts = new Alerts({ supervisor, wordsOf: whyEnded, log });
  const figures = new FiguresServer({
    ...{ runtimeDirectory, log, socketMode: controlSocketMode[kind] },
    text: () => figuresOf(supervisor, machine),
  });

  await supervisor.start();
  await control.listen();
  figures.follow(config.metrics);
  supervisor.on('config', ({ metrics }) => figures.follow(metrics));
  notifier.ready(summary(supervisor));
  notifier.watchdog(() => greeted(controlSocket));
  log(`ready: ${summary(supervisor)}, config ${config.file}, control socket ${controlSocket}`);

  supervisor.on('config', keepConfig);
  await keepConfig();
  keepCompileCache();

  const reason = await stop.requested;
  log(`stopping: ${reason}`);
  notifier.stopping();
  await Promise.all([alerts.close(), figures.close()]);
  // systemd keeps the apps of a board alive over the supervisor's own restart; only a person's word ends them.
  if (kind === 'systemd' && reason !== 'quit') await supervisor.release();
  else await closeAndLeaveNothing(supervisor, kind);
  await control.close();
  notifier.close();
  return 0;
}

/** Goes the way of every front end: through the control socket and the event loop, and back. */
async function greeted(controlSocket: string): Promise<void> {
  const client = await ControlClient.connect(controlSocket);
  try {
    await client.hello();
  } finally {
    client.close();
  }
}

/** Writes the compile cache once the start is over; Node does it at its end, and a board loses power before that. */
function keepCompileCache(): void {
  setTimeout(flushCompileCache, 5000).unref();
}

async function closeAndLeaveNothing(supervisor: Supervisor, kind: Launcher['kind']): Promise<void> {
  const alone = kind === 'process' && (await replaceGuardIfGone());
  await supervisor.close();
  if (alone) await killDescendants(process.pid);
}

async function openLauncher(kind: Launcher['kind']): Promise<Launcher> {
  if (kind === 'process') return new ProcessLauncher(newRunName(), livingGuard);
  const { SystemdLauncher } = await import('./launcher/systemd.ts');
  return new SystemdLauncher({ log });
}

function log(line: string): void {
  process.stderr.write(`viscript: ${line}\n`);
}

function summary({ launches }: Supervisor): string {
  const ready = launches.filter(({ state }) => state === 'ready').length;
  return `${ready} of ${launches.length} apps ready`;
}

/** Waits from the first moment on, so that a signal during the start is not lost. */
function waitForStop(owned: boolean) {
  const { promise: requested, resolve: request } = Promise.withResolvers<string>();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => request(signal));
  if (owned) process.stdin.on('end', () => request('its terminal is gone')).resume();
  return { requested, request };
}
