import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Births } from './births.ts';
import { type Command, childrenOf, cleanEnvironment, MeasureError, timeCommand } from './process.ts';
import { IDLE_APPS, PROBE, type SupervisorUnderTest } from './supervisor.ts';

export interface ViscriptOptions {
  /** The bundle's entry, `viscript.js`. */
  program: string;
  folder: string;
  births: Births;
}

/** viscript as on a laptop. The first restart of a launch has no delay, and the probe is a new launch every time. */
export class Viscript implements SupervisorUnderTest {
  readonly name = 'viscript';
  readonly list: Command;
  readonly startProbe: Command;
  readonly #options: ViscriptOptions;
  /** The guard; the supervisor is its child. */
  #guard: ChildProcess | undefined;

  constructor(options: ViscriptOptions) {
    this.#options = options;
    this.list = this.#command('list_apps');
    this.startProbe = this.#command('start', PROBE);
  }

  async start(): Promise<void> {
    const { folder, births } = this.#options;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const apps = [...IDLE_APPS, PROBE].map((name) => {
      const [path, ...args] = births.commandOf(name);
      return [name, { path, default_args: args, autostart: name !== PROBE, restart: 'always' }] as const;
    });
    await writeFile(join(folder, 'config.yaml'), stringify({ apps: Object.fromEntries(apps) }));
    const running = Promise.all(IDLE_APPS.map((name) => births.next(name)));
    const { file, args, env } = this.#command('--headless');
    this.#guard = spawn(file, args, { env: { ...cleanEnvironment(), ...env }, stdio: 'ignore' });
    const [status] = await Promise.race([running.then(() => [undefined]), once(this.#guard, 'exit')]);
    if (status !== undefined) throw new MeasureError(`viscript ended at its start with ${status}`);
  }

  async daemonPids(): Promise<number[]> {
    const guard = this.#guard?.pid;
    return guard === undefined ? [] : [guard, ...(await childrenOf(guard))];
  }

  async stopProbe(): Promise<void> {
    await timeCommand(this.#command('shutdown', await this.#probeId()));
  }

  async close(): Promise<void> {
    const guard = this.#guard;
    if (guard === undefined || guard.exitCode !== null) return;
    const ended = once(guard, 'exit');
    guard.kill('SIGTERM');
    await ended;
  }

  async #probeId(): Promise<string> {
    const { stdout } = await timeCommand(this.#command('--json', 'list_apps'));
    const launches: { id: number; app: string }[] = JSON.parse(stdout);
    const launch = launches.find(({ app }) => app === PROBE);
    if (launch === undefined) throw new MeasureError(`viscript does not list ${PROBE}: ${stdout}`);
    return String(launch.id);
  }

  #command(...args: string[]): Command {
    const { program, folder } = this.#options;
    const places = ['--runtime-dir', join(folder, 'run'), '--config', join(folder, 'config.yaml')];
    return {
      file: process.execPath,
      args: [program, ...places, ...args],
      env: { VISCRIPT_STATE_DIR: join(folder, 'state') },
    };
  }
}
