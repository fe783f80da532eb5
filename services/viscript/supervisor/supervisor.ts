import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { SignalServer } from '../../signal/server.ts';
import { urlOfSocket } from '../../signal/unixsocket.ts';
import { diffConfigs } from '../config/diff.ts';
import type { AppConfig, Config } from '../config/schema.ts';
import type { Launcher } from '../launcher/launcher.ts';
import { dependenciesReady } from './dependencies.ts';
import { baseEnvironment } from './environment.ts';
import { findExecutable } from './executable.ts';
import { type AppExit, type AppHistory, Histories } from './exits.ts';
import { inMemory, readLog } from './kept-log.ts';
import { Launch, type Prepared } from './launch.ts';
import { LogFile } from './log-file.ts';
import type { LogLine } from './log-line.ts';
import { thisMoment } from './moment.ts';
import { startOrder, withDependencies } from './order.ts';
import { RecordFile, recordOf, type SupervisorRecord } from './record.ts';
import { RestartBackoff, type RestartBackoffOptions } from './restart-backoff.ts';

export interface SupervisorOptions {
  config: Config;
  /** Reads the config file again. */
  loadConfig(file: string): Promise<Config>;
  launcher: Launcher;
  /** Private folder of this run: sockets and the record of launches. */
  runtimeDirectory: string;
  /** Folder that lasts: logs and the apps' own folders (where the launcher makes none). */
  stateDirectory: string;
  /** Folder of the runtime itself, with `apps/`. */
  libraryDirectory: string;
  /** One line about what happened, for the supervisor's own log. */
  log: (line: string) => void;
  /** Other delays than the standard ones between restarts. */
  backoff?: RestartBackoffOptions;
}

export class UnknownApp extends Error {
  override readonly name = 'UnknownApp';
  constructor(name: string, config: Config) {
    super(`there is no app ${name} in ${config.file}; 'apps' lists those there are`);
  }
}

export class UnknownId extends Error {
  override readonly name = 'UnknownId';
  constructor(id: string) {
    super(`no app with ID ${id} is running; 'la' lists those that are`);
  }
}

export interface ReloadReport {
  restarted: string[];
  started: string[];
  stopped: string[];
}

/** Launches that are over, kept for `status` and `logs`. */
const maxOver = 20;
const signalSocketMode = { process: 0o600, systemd: 0o666 } as const;

/** Owns every launch and the config in force; front ends ask it, nobody else changes them. */
export class Supervisor extends EventEmitter<{
  /** A launch has changed its state, or the count of its failures. */
  change: [Launch];
  /** A process of a launch has ended, by whatever cause; comes before the `change`. */
  ended: [Launch, AppExit];
  /** Another config is in force. */
  config: [Config];
}> {
  /** See moment.ts. */
  readonly started = thisMoment();
  readonly #options: SupervisorOptions;
  readonly #launches = new Map<number, Launch>();
  readonly #over: Launch[] = [];
  readonly #logs = new Map<string, LogFile>();
  readonly #signal: SignalServer;
  readonly #signalPath: string;
  readonly #record: RecordFile | undefined;
  #histories = new Histories();
  #config: Config;
  #nextId = 1;
  #closing = false;

  constructor(options: SupervisorOptions) {
    super();
    this.setMaxListeners(0);
    this.#options = options;
    this.#config = options.config;
    this.#signalPath = join(options.runtimeDirectory, 'signal.sock');
    // On a board every app has a uid of its own, so the token alone tells who may register.
    this.#signal = new SignalServer({
      path: this.#signalPath,
      socketMode: signalSocketMode[options.launcher.kind],
      authorize: (id, token) => this.#launches.get(id)?.authorize(token),
    });
    const outlives = options.launcher.kind === 'systemd';
    this.#record = outlives ? new RecordFile(join(options.runtimeDirectory, 'launches.json')) : undefined;
  }

  get config(): Config {
    return this.#config;
  }

  /** Milliseconds since this supervisor was started. */
  get upMs(): number {
    return thisMoment() - this.started;
  }

  /** What became of an app so far: since the boot where launches outlive the supervisor, else since its start. */
  historyOf(app: string): Readonly<AppHistory> {
    return this.#histories.of(app);
  }

  /** Launches that are not over, by id. */
  get launches(): Launch[] {
    return [...this.#launches.values()];
  }

  /** The last launches that are over, oldest first. */
  get over(): readonly Launch[] {
    return this.#over;
  }

  /** Opens the signal socket, takes over what still runs, and starts what starts by itself. */
  async start(): Promise<void> {
    this.#signal.on('session', (session) => {
      const launch = this.#launches.get(session.clientId);
      launch?.attach(session);
      void this.#save();
    });
    this.#signal.on('rejected', (reason) => this.#options.log(`signal: refused a client: ${reason}`));
    await this.#options.launcher.start();
    await this.#adopt();
    await this.#signal.listen();
    for (const name of startOrder(this.#config)) if (!this.#isRunning(name)) this.#startApp(name);
  }

  /**
   * Starts an app; user arguments replace the entry's own. What the app depends on is started first.
   * @throws {UnknownApp} @throws {MissingExecutable} and starts nothing
   */
  async launch(name: string, args: readonly string[]): Promise<Launch> {
    const wanted = this.app(name);
    const names = withDependencies([name], this.#config);
    for (const needed of names) this.#find(this.app(needed));
    for (const dependency of names) {
      if (dependency !== name && !this.#isRunning(dependency)) this.#startApp(dependency);
    }
    return begun(this.#add(wanted, args.length > 0 ? args : wanted.args));
  }

  /** @throws {UnknownApp} */
  app(name: string): AppConfig {
    const app = this.#config.apps.get(name);
    if (!app) throw new UnknownApp(name, this.#config);
    return app;
  }

  /** @throws {UnknownId} */
  get(id: string): Launch {
    const launch = /^\d+$/.test(id) ? this.#launches.get(Number(id)) : undefined;
    if (!launch) throw new UnknownId(id);
    return launch;
  }

  /** Ends a launch and starts its app again under the same arguments. @returns the new launch */
  async restart(id: string): Promise<Launch> {
    const launch = this.get(id);
    const app = this.app(launch.app.name);
    this.#find(app);
    await launch.stop();
    return begun(this.#add(app, launch.args));
  }

  /**
   * Reads the config file again and applies what changed; apps whose entries are the same are left alone.
   * @throws {InvalidFile} and changes nothing
   */
  async reload(): Promise<ReloadReport> {
    const after = await this.#options.loadConfig(this.#config.file);
    const before = this.#config;
    const { removed, changed } = diffConfigs(before, after);
    for (const name of startOrder(after)) {
      const app = after.apps.get(name);
      if (app) this.#find(app, after.file);
    }
    this.#config = after;
    this.#histories.keepOnly(new Set(after.apps.keys()));
    this.emit('config', after);
    const stopped = this.launches.filter((launch) => removed.includes(launch.app.name));
    const restarted = this.launches.filter((launch) => changed.includes(launch.app.name));
    await Promise.all([...stopped, ...restarted].map((launch) => launch.stop()));
    for (const launch of restarted) {
      const app = this.app(launch.app.name);
      const asked = sameArguments(launch.args, before.apps.get(app.name)?.args ?? [])
        ? app.args
        : launch.args;
      this.#add(app, asked);
    }
    const started = startOrder(after).filter((name) => !this.#isRunning(name));
    for (const name of started) this.#startApp(name);
    return { restarted: names(restarted), started, stopped: names(stopped) };
  }

  /**
   * What is kept of an app's output, oldest first, a piece at a time: on a laptop in its log file, which outlives the
   * supervisor; on a board, and where the disk takes nothing, of its last launches in memory.
   */
  async *kept(name: string): AsyncGenerator<LogLine[]> {
    const file = this.#options.launcher.kind === 'process' ? this.#logFile(name) : undefined;
    if (file?.works) yield* readLog(name, file);
    else yield inMemory([...this.#over, ...this.launches].filter(({ app }) => app.name === name));
  }

  /** Ends every launch, those that others depend on last, and closes the sockets. */
  async close(): Promise<void> {
    this.#closing = true;
    await Promise.all(this.launches.map((launch) => this.#stopInOrder(launch)));
    // The next supervisor is to start none of them again but those that start by themselves.
    await this.#remember();
    await this.release();
  }

  /** Lets go of everything and leaves the launches to the next supervisor; only where they outlive this one. */
  async release(): Promise<void> {
    this.#closing = true;
    await this.#record?.settled();
    await this.#signal.close();
    await this.#options.launcher.close();
    await Promise.all([...this.#logs.values()].map((file) => file.close()));
  }

  async #stopInOrder(launch: Launch): Promise<void> {
    const dependents = this.launches.filter((other) => other.app.dependsOn.includes(launch.app.name));
    await Promise.all(dependents.map((other) => other.ended));
    await launch.stop();
  }

  async #adopt(): Promise<void> {
    const record = await this.#record?.read();
    this.#nextId = record?.nextId ?? 1;
    this.#histories = new Histories(record?.histories);
    const running = await this.#options.launcher.adopt();
    for (const { id, process } of running) {
      const remembered = record?.launches.find((launch) => launch.id === id);
      const app = remembered && this.#config.apps.get(remembered.app);
      if (!app) {
        this.#options.log(`ID ${id} runs but nobody knows why; ended`);
        await process.kill('SIGKILL');
        continue;
      }
      this.#nextId = Math.max(this.#nextId, id + 1);
      const launch = this.#track(
        new Launch(id, app, remembered.args, this.#host(), { ...remembered, process }),
      );
      this.#options.log(`${app.name} (ID ${id}) was running and is managed again`);
      if (remembered.stopping) void launch.stop();
    }
    const ids = new Set(running.map(({ id }) => id));
    this.#resume(record?.launches.filter(({ id, stopping }) => !ids.has(id) && !stopping) ?? []);
  }

  /** Goes on with launches that waited to be started, or whose process was lost: nobody else would try them again. */
  #resume(launches: SupervisorRecord['launches']): void {
    for (const remembered of launches) {
      const app = this.#config.apps.get(remembered.app);
      if (!app) continue;
      const { id, args } = remembered;
      this.#track(new Launch(id, app, args, this.#host(), { ...remembered, process: undefined }));
      this.#options.log(`${app.name} (ID ${id}) was waiting for its next start and is started`);
    }
  }

  #startApp(name: string): Launch {
    const app = this.app(name);
    return this.#add(app, app.args);
  }

  #add(app: AppConfig, args: readonly string[]): Launch {
    return this.#track(new Launch(this.#nextId++, app, args, this.#host()));
  }

  #track(launch: Launch): Launch {
    const { id, app } = launch;
    this.#launches.set(id, launch);
    if (this.#options.launcher.kind === 'process') this.#keepLog(launch);
    launch.on('reason', (reason) => this.#options.log(`${app.name} (ID ${id}): ${reason}`));
    launch.on('restart', (kind) => this.#histories.restarted(app.name, kind));
    launch.on('ended', (exit) => {
      this.#histories.ended(app.name, exit);
      this.emit('ended', launch, exit);
    });
    launch.on('change', () => {
      if (launch.state === 'exited') this.#forget(launch);
      this.emit('change', launch);
      void this.#save();
    });
    this.emit('change', launch);
    void this.#save();
    return launch;
  }

  #forget(launch: Launch): void {
    this.#launches.delete(launch.id);
    this.#over.push(launch);
    if (this.#over.length > maxOver) this.#over.shift();
  }

  #keepLog({ id, app, output }: Launch): void {
    const file = this.#logFile(app.name);
    output.on('line', (line) => file.write({ ...line, id, app: app.name }));
  }

  #logFile(name: string): LogFile {
    const known = this.#logs.get(name);
    if (known) return known;
    const path = join(this.#options.stateDirectory, 'log', `${name}.log`);
    const file = new LogFile(path, (error) => this.#options.log(`log of ${name}: ${error.message}`));
    this.#logs.set(name, file);
    return file;
  }

  #isRunning(name: string): boolean {
    return this.launches.some((launch) => launch.app.name === name && launch.state !== 'stopping');
  }

  #find(app: AppConfig, configFile = this.#config.file) {
    const { libraryDirectory } = this.#options;
    return findExecutable(app, { libraryDirectory, configFile, path: process.env.PATH ?? '' });
  }

  #host() {
    return {
      launcher: this.#options.launcher,
      prepare: (launch: Launch) => this.#prepare(launch),
      signalUrl: urlOfSocket(this.#signalPath),
      dependenciesReady: (app: AppConfig, signal: AbortSignal) => dependenciesReady(app, this, signal),
      backoff: (failures: number) => new RestartBackoff(this.#options.backoff, failures),
    };
  }

  #prepare({ app, args }: Launch): Prepared {
    const { file, leading, ours } = this.#find(app);
    const environment = { ...baseEnvironment(process.env), ...app.environment };
    if (this.#options.launcher.kind === 'process') {
      const folder = join(this.#options.stateDirectory, 'apps', app.name);
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      environment.STATE_DIRECTORY ??= folder;
    }
    return {
      file,
      args: [...leading, ...args],
      cwd: dirname(this.#config.file),
      environment,
      speaksSignal: ours,
    };
  }

  async #save(): Promise<void> {
    if (!this.#closing) await this.#remember();
  }

  async #remember(): Promise<void> {
    if (!this.#record) return;
    const launches = this.launches.map(recordOf);
    try {
      await this.#record.write({ nextId: this.#nextId, launches, histories: this.#histories.stored() });
    } catch (error) {
      this.#options.log(`cannot remember the running apps for the next start: ${String(error)}`);
    }
  }
}

/** Names one run of the supervisor. */
export function newRunName(): string {
  return randomUUID();
}

async function begun(launch: Launch): Promise<Launch> {
  await launch.begun;
  return launch;
}

function names(launches: Launch[]): string[] {
  return launches.map((launch) => launch.app.name);
}

function sameArguments(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((word, at) => word === b[at]);
}
