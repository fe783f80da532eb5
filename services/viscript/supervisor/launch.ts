import { randomBytes, timingSafeEqual } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type { AppUsage, SignalSession } from '../../signal/server.ts';
import type { AppConfig } from '../config/schema.ts';
import type { ExitStatus, KernelUsage, LaunchedProcess, Launcher } from '../launcher/launcher.ts';
import { watchHealth } from './health.ts';
import { Output } from './output.ts';
import type { RestartBackoff } from './restart-backoff.ts';
import { type StopReport, stopProcess } from './stop.ts';

export type LaunchState = 'starting' | 'ready' | 'failing' | 'stopping' | 'exited';

/** What a launch asks of its surroundings. */
export interface LaunchHost {
  launcher: Launcher;
  /** Resolves what the app's entry means now: executable, arguments, folder and environment without `SIGNAL_*`. */
  prepare(launch: Launch): Prepared;
  /** `SIGNAL_URL` of the apps. */
  signalUrl: string;
  /** Resolves when every app that `app` depends on is ready. */
  dependenciesReady(app: AppConfig, signal: AbortSignal): Promise<void>;
  backoff(): RestartBackoff;
}

export interface Prepared {
  file: string;
  args: string[];
  cwd: string;
  environment: Record<string, string>;
  /** The app is one of ours and so has to say that it is ready. */
  speaksSignal: boolean;
}

/** A process left running by an earlier supervisor, with what that one remembered of it. */
export interface Adopted {
  process: LaunchedProcess;
  /** The token it may register with. */
  token: string | undefined;
  ready: boolean;
  /** It spoke signal, so it is ready again when it has registered again. */
  connected: boolean;
  restarts: number;
  /** Milliseconds since 1970. */
  startedAt: number;
}

export interface LastExit extends ExitStatus {
  /** Milliseconds since 1970. */
  time: number;
  /** Why viscript ended it, when it did: a missed deadline or health check. */
  reason?: string | undefined;
}

export interface Usage extends KernelUsage {
  /** Share of one CPU over the last moments, in percent. */
  cpuPercent: number;
  /** What the app says of itself; undefined where it does not speak signal. */
  self: AppUsage | undefined;
}

/** An app that has not said it is ready after this many milliseconds has failed. */
const readyTimeoutMs = 60_000;
/** A program that does not speak signal counts as ready when it has run for this many milliseconds. */
const plainReadyMs = 1000;
/** Distance of the two samples from which CPU % is made, milliseconds. */
const sampleMs = 200;

/**
 * One app kept running: launched, watched, restarted with back-off, stopped.
 *
 * INVARIANTS
 * - One run loop, so at most one process of a launch exists at any time.
 * - `exited` is final; every other state changes only in the run loop or in `stop`.
 * - The token of a process dies with it.
 */
export class Launch extends EventEmitter<{ change: [LaunchState]; reason: [string] }> {
  readonly id: number;
  readonly app: AppConfig;
  readonly args: readonly string[];
  readonly output = new Output();
  /** Resolves when the launch is over for good. */
  readonly ended: Promise<void>;
  /** Resolves when the first process runs, could not start, or waits for what the app depends on. */
  readonly begun: Promise<void>;
  state: LaunchState = 'starting';
  restarts = 0;
  /** Milliseconds since 1970. */
  startedAt = Date.now();
  lastExit: LastExit | undefined;
  /** When the app will be started again, milliseconds since 1970; undefined unless failing. */
  nextRetry: number | undefined;
  statusText = '';
  metrics: Record<string, number> = {};
  readonly #host: LaunchHost;
  readonly #stopping = new AbortController();
  #process: LaunchedProcess | undefined;
  #session: SignalSession | undefined;
  #token: string | undefined;
  #usedToken = '';
  #killReason: string | undefined;
  #stopReport: Promise<StopReport> | undefined;

  constructor(id: number, app: AppConfig, args: readonly string[], host: LaunchHost, adopted?: Adopted) {
    super();
    this.setMaxListeners(0);
    this.id = id;
    this.app = app;
    this.args = args;
    this.#host = host;
    if (adopted) {
      this.#token = adopted.token;
      this.state = adopted.ready && !adopted.connected ? 'ready' : 'starting';
      if (adopted.connected) this.#watchReadiness(adopted.process, true);
      this.restarts = adopted.restarts;
      this.startedAt = adopted.startedAt;
      this.#process = adopted.process;
    }
    const begun = Promise.withResolvers<void>();
    this.begun = begun.promise;
    this.ended = this.#run(adopted?.process, begun.resolve);
  }

  get command(): string {
    return [this.app.path, ...this.args].join(' ');
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  get session(): SignalSession | undefined {
    return this.#session;
  }

  /** The token the running process may register with next; kept for a supervisor that takes over. */
  get token(): string | undefined {
    return this.#token;
  }

  /**
   * Judges a registration; each token is good for one. While nobody is connected the last used one is accepted too:
   * the answer with its successor may have been lost together with the connection.
   * @returns the next token, or undefined to refuse
   */
  authorize(token: string): string | undefined {
    if (this.#token === undefined || this.#process === undefined) return undefined;
    const repeated = this.#session === undefined && equal(this.#usedToken, token);
    if (!repeated && !equal(this.#token, token)) return undefined;
    this.#usedToken = token;
    this.#token = newToken();
    return this.#token;
  }

  /** Takes the connection over which the app was just authorized. */
  attach(session: SignalSession): void {
    this.#session = session;
    session.on('ready', () => this.#set('ready'));
    session.on('status', (text) => {
      this.statusText = text;
    });
    session.on('metrics', (metrics) => {
      this.metrics = metrics;
    });
    session.on('close', () => {
      if (this.#session === session) this.#session = undefined;
    });
    this.emit('change', this.state);
  }

  /** Feeds the app's standard input; false where it has none. */
  write(data: string): boolean {
    return this.#process?.write(data) ?? false;
  }

  /** @throws {ProcessGone} when it is not running. */
  async usage(): Promise<Usage> {
    const process = this.#process;
    if (process === undefined) throw new NotRunning(this);
    const first = await process.usage();
    const from = performance.now();
    await new Promise((resolve) => setTimeout(resolve, sampleMs));
    const [kernel, self] = await Promise.all([process.usage(), this.#session?.usage()]);
    const seconds = (performance.now() - from) / 1000;
    const known = {
      pss: kernel.pss || (self?.pss ?? 0),
      descriptors: kernel.descriptors || (self?.descriptors ?? 0),
    };
    return {
      ...kernel,
      ...known,
      cpuPercent: ((kernel.cpuSeconds - first.cpuSeconds) / seconds) * 100,
      self,
    };
  }

  /** Ends the app for good: drain hook, then TERM, then KILL. Asked twice it gives the same report. */
  stop(): Promise<StopReport> {
    this.#stopReport ??= this.#stop();
    return this.#stopReport;
  }

  /** Ends the process as failed; the run loop then does what the restart policy says. */
  async fail(reason: string): Promise<void> {
    this.#killReason = reason;
    this.#set('failing');
    this.emit('reason', reason);
    await this.#process?.kill('SIGKILL');
  }

  async #stop(): Promise<StopReport> {
    const process = this.#process;
    this.#stopping.abort();
    if (process === undefined) {
      await this.ended;
      return { pid: undefined, how: 'not-running', status: undefined, tookMs: 0 };
    }
    this.#set('stopping');
    const report = await stopProcess(process, this.#session, this.app.stopGraceMs);
    await this.ended;
    return report;
  }

  async #run(adopted: LaunchedProcess | undefined, begun: () => void): Promise<void> {
    const backoff = this.#host.backoff();
    const { signal } = this.#stopping;
    let process = adopted;
    while (!signal.aborted) {
      if (process === undefined) {
        if (this.app.dependsOn.length > 0) begun();
        await this.#host.dependenciesReady(this.app, signal);
        if (signal.aborted) break;
      }
      const from = performance.now();
      const status = await this.#runOnce(process, begun);
      begun();
      process = undefined;
      if (signal.aborted || !wantsRestart(this.app.restart, status, this.lastExit?.reason)) break;
      const delay = backoff.next(performance.now() - from);
      this.nextRetry = Date.now() + delay;
      this.#set('failing');
      await abortableDelay(delay, signal);
      this.nextRetry = undefined;
      if (signal.aborted) break;
      this.restarts++;
      this.#set('starting');
    }
    this.nextRetry = undefined;
    this.#set('exited');
  }

  /** One process from start to end. */
  async #runOnce(adopted: LaunchedProcess | undefined, begun: () => void): Promise<ExitStatus> {
    const over = new AbortController();
    this.#killReason = undefined;
    try {
      this.#process = adopted ?? (await this.#launch());
    } catch (error) {
      return this.#remember({ code: null, signal: null, cause: 'start-failed', message: String(error) });
    }
    begun();
    const process = this.#process;
    process.onOutput((stream, chunk) => this.output.write(stream, chunk));
    this.emit('change', this.state);
    if (this.#stopping.signal.aborted) await process.kill('SIGKILL');
    watchHealth(this, over.signal);
    const status = await process.exited;
    over.abort();
    this.output.flush();
    this.#process = undefined;
    this.#token = undefined;
    this.#usedToken = '';
    this.#session?.close('the app has ended');
    this.#session = undefined;
    this.statusText = '';
    return this.#remember(status);
  }

  async #launch(): Promise<LaunchedProcess> {
    const prepared = this.#host.prepare(this);
    this.#token = newToken();
    this.startedAt = Date.now();
    const process = await this.#host.launcher.launch({
      id: this.id,
      app: this.app,
      file: prepared.file,
      args: prepared.args,
      cwd: prepared.cwd,
      environment: {
        ...prepared.environment,
        SIGNAL_URL: this.#host.signalUrl,
        SIGNAL_CLIENT_ID: String(this.id),
        SIGNAL_TOKEN: this.#token,
      },
    });
    this.#watchReadiness(process, prepared.speaksSignal);
    return process;
  }

  /** Ours have to say that they are ready; of any other program it is enough that it keeps running. */
  #watchReadiness(process: LaunchedProcess, speaksSignal: boolean): void {
    const milliseconds = speaksSignal
      ? (this.app.healthcheck?.startPeriodMs ?? readyTimeoutMs)
      : plainReadyMs;
    const timer = setTimeout(() => {
      if (this.state !== 'starting' || this.#process !== process) return;
      if (!speaksSignal && this.#session === undefined) this.#set('ready');
      else if (speaksSignal) void this.fail(`not ready after ${milliseconds / 1000} s`);
    }, milliseconds);
    void process.exited.then(() => clearTimeout(timer));
  }

  #remember(status: ExitStatus): ExitStatus {
    this.lastExit = { ...status, time: Date.now(), reason: this.#killReason };
    return status;
  }

  #set(state: LaunchState): void {
    if (this.state === state || this.state === 'exited') return;
    if (this.state === 'stopping' && state !== 'exited') return;
    this.state = state;
    this.emit('change', state);
  }
}

export class NotRunning extends Error {
  override readonly name = 'NotRunning';
  constructor(launch: Launch) {
    super(`app ${launch.app.name} (ID ${launch.id}) is not running: it is ${launch.state}`);
  }
}

function wantsRestart(policy: AppConfig['restart'], status: ExitStatus, reason: string | undefined): boolean {
  if (policy === 'no') return false;
  return policy === 'always' || reason !== undefined || status.code !== 0;
}

function newToken(): string {
  return randomBytes(32).toString('hex');
}

function equal(expected: string, given: string): boolean {
  const [a, b] = [Buffer.from(expected), Buffer.from(given)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function abortableDelay(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener('abort', done);
  });
}
