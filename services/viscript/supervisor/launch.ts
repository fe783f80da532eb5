import { EventEmitter } from 'node:events';
import { pause } from '../../signal/pause.ts';
import type { SignalSession } from '../../signal/server.ts';
import type { AppConfig } from '../config/schema.ts';
import {
  type ExitStatus,
  type KernelUsage,
  type LaunchedProcess,
  type Launcher,
  ProcessGone,
} from '../launcher/launcher.ts';
import type { AppExit, ExitKind, FailureKind } from './exits.ts';
import { watchHealth } from './health.ts';
import { thisMoment, timeOf } from './moment.ts';
import { Output } from './output.ts';
import { crashLoopFailures, type RestartBackoff } from './restart-backoff.ts';
import { type StopReport, stopProcess } from './stop.ts';
import { startTimer } from './timer.ts';
import { LaunchToken } from './token.ts';
import { measureUsage, type Usage } from './usage.ts';

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
  /** @param failures in a row that were counted before */
  backoff(failures: number): RestartBackoff;
}

export interface Prepared {
  file: string;
  args: string[];
  cwd: string;
  environment: Record<string, string>;
  /** The app is one of ours and so has to say that it is ready. */
  speaksSignal: boolean;
}

/** A launch of an earlier supervisor, with what that one remembered of it. */
export interface Adopted {
  /** Undefined where it waited to be started again. */
  process: LaunchedProcess | undefined;
  /** The token it may register with. */
  token: string | undefined;
  ready: boolean;
  /** It spoke signal, so it is ready again when it has registered again. */
  connected: boolean;
  restarts: number;
  /** In a row. */
  failures: number;
  /** See moment.ts. */
  started: number;
}

/** An app that has not said it is ready after this many milliseconds has failed. */
const readyTimeoutMs = 60_000;
/** A program that does not speak signal counts as ready when it has run for this many milliseconds. */
const plainReadyMs = 1000;
/**
 * One app kept running: launched, watched, restarted with back-off, stopped.
 *
 * INVARIANTS
 * - One run loop, so at most one process of a launch exists at any time.
 * - `exited` is final; every other state changes only in the run loop or in `stop`.
 * - The token of a process dies with it.
 */
export class Launch extends EventEmitter<{
  change: [LaunchState];
  /** A process has ended; comes before the `change` that follows from it. */
  ended: [AppExit];
  /** Starts again after an end of this kind. */
  restart: [ExitKind];
  reason: [string];
}> {
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
  lastExit: AppExit | undefined;
  statusText = '';
  metrics: Record<string, number> = {};
  readonly #host: LaunchHost;
  readonly #stopping = new AbortController();
  readonly #backoff: RestartBackoff;
  /** Moments, see moment.ts. */
  #started = thisMoment();
  #retry: number | undefined;
  #process: LaunchedProcess | undefined;
  #session: SignalSession | undefined;
  #token: LaunchToken | undefined;
  #failed: { kind: FailureKind; reason: string } | undefined;
  #stopStable: () => void = () => undefined;
  #stopReport: Promise<StopReport> | undefined;

  constructor(id: number, app: AppConfig, args: readonly string[], host: LaunchHost, adopted?: Adopted) {
    super();
    this.setMaxListeners(0);
    this.id = id;
    this.app = app;
    this.args = args;
    this.#host = host;
    this.#backoff = host.backoff(adopted?.failures ?? 0);
    if (adopted) this.#takeOver(adopted);
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
    return this.#token?.current;
  }

  /** When the running process was started, or the last one: milliseconds since 1970. */
  get startedAt(): number {
    return timeOf(this.#started);
  }

  /** The same as a moment, see moment.ts. */
  get started(): number {
    return this.#started;
  }

  /** Milliseconds since the running process was started, or the last one. */
  get upMs(): number {
    return thisMoment() - this.#started;
  }

  /** When the app will be started again, milliseconds since 1970; undefined unless it waits for that. */
  get nextRetry(): number | undefined {
    return this.#retry === undefined ? undefined : timeOf(this.#retry);
  }

  /** Milliseconds until the app is started again; undefined unless it waits for that. */
  get retryInMs(): number | undefined {
    return this.#retry === undefined ? undefined : Math.max(0, this.#retry - thisMoment());
  }

  /** Ends in a row without a stable run between them. */
  get failures(): number {
    return this.#backoff.failures;
  }

  /** It ends time and again. It is started again all the same, at the longest delay in the end. */
  get crashLoops(): boolean {
    return this.failures >= crashLoopFailures;
  }

  /** Judges a registration. @returns the next token, or undefined to refuse */
  authorize(token: string): string | undefined {
    if (this.#process === undefined) return undefined;
    return this.#token?.exchange(token, this.#session !== undefined);
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

  /** What the kernel counts now; undefined when it is not running. */
  async kernelUsage(): Promise<KernelUsage | undefined> {
    return this.#process?.usage().catch((error: unknown) => {
      if (error instanceof ProcessGone) return undefined;
      throw error;
    });
  }

  /** @throws {ProcessGone} when it is not running. */
  async usage(): Promise<Usage> {
    if (this.#process === undefined) throw new NotRunning(this);
    return measureUsage(this.#process, this.#session);
  }

  /** Ends the app for good: drain hook, then TERM, then KILL. Asked twice it gives the same report. */
  stop(): Promise<StopReport> {
    this.#stopReport ??= this.#stop();
    return this.#stopReport;
  }

  /** Ends the process as failed; the run loop then does what the restart policy says. */
  async fail(kind: FailureKind, reason: string): Promise<void> {
    this.#failed = { kind, reason };
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

  #takeOver({ process, token, ready, connected, restarts, started }: Adopted): void {
    this.restarts = restarts;
    if (process === undefined) return;
    this.#process = process;
    this.#started = started;
    this.#token = token === undefined ? undefined : new LaunchToken(token);
    if (connected) this.#watchReadiness(process, true);
    if (ready && !connected) this.#set('ready');
  }

  async #run(adopted: LaunchedProcess | undefined, begun: () => void): Promise<void> {
    const { signal } = this.#stopping;
    let process = adopted;
    while (!signal.aborted) {
      if (process === undefined) {
        if (this.app.dependsOn.length > 0) begun();
        await this.#host.dependenciesReady(this.app, signal);
        if (signal.aborted) break;
      }
      const exit = await this.#runOnce(process, begun);
      begun();
      process = undefined;
      if (signal.aborted || !wantsRestart(this.app.restart, exit)) break;
      const delay = this.#backoff.next();
      this.#retry = thisMoment() + delay;
      this.#set('failing', true);
      await pause(delay, signal);
      this.#retry = undefined;
      if (signal.aborted) break;
      this.restarts++;
      this.emit('restart', exit.kind);
      this.#set('starting');
    }
    this.#retry = undefined;
    this.#set('exited');
  }

  /** One process from start to end. */
  async #runOnce(adopted: LaunchedProcess | undefined, begun: () => void): Promise<AppExit> {
    const over = new AbortController();
    this.#failed = undefined;
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
    this.#stopStable();
    this.output.flush();
    this.#process = undefined;
    this.#token = undefined;
    this.#session?.close('the app has ended');
    this.#session = undefined;
    this.statusText = '';
    return this.#remember(status);
  }

  async #launch(): Promise<LaunchedProcess> {
    this.#started = thisMoment();
    const prepared = this.#host.prepare(this);
    this.#token = new LaunchToken();
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
        SIGNAL_TOKEN: this.#token.current,
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
    const stop = startTimer(milliseconds, () => {
      if (this.state !== 'starting' || this.#process !== process) return;
      if (!speaksSignal && this.#session === undefined) this.#set('ready');
      else if (speaksSignal) void this.fail('not-ready', `not ready after ${milliseconds / 1000} s`);
    });
    void process.exited.then(stop);
  }

  #remember(status: ExitStatus): AppExit {
    const moment = thisMoment();
    const ranMs = status.cause === 'start-failed' ? 0 : Math.round(moment - this.#started);
    const kind: ExitKind = this.#stopping.signal.aborted ? 'stopped' : (this.#failed?.kind ?? status.cause);
    const exit: AppExit = { ...status, id: this.id, kind, reason: this.#failed?.reason, moment, ranMs };
    this.lastExit = exit;
    this.emit('ended', exit);
    return exit;
  }

  /** A run counts as stable from being ready on: an app that is never ready must not count as well for trying long. */
  #watchStability(): void {
    this.#stopStable();
    this.#stopStable = startTimer(this.#backoff.stableMs, () => {
      if (this.failures === 0) return;
      this.#backoff.reset();
      this.emit('change', this.state);
    });
  }

  /** @param tell also where the state is the same, for something else has changed */
  #set(state: LaunchState, tell = false): void {
    if ((this.state === state && !tell) || this.state === 'exited') return;
    if (this.state === 'stopping' && state !== 'exited') return;
    this.state = state;
    if (state === 'ready') this.#watchStability();
    this.emit('change', state);
  }
}

export class NotRunning extends Error {
  override readonly name = 'NotRunning';
  constructor(launch: Launch) {
    super(`app ${launch.app.name} (ID ${launch.id}) is not running: it is ${launch.state}`);
  }
}

function wantsRestart(policy: AppConfig['restart'], { code, reason }: AppExit): boolean {
  if (policy === 'no') return false;
  return policy === 'always' || reason !== undefined || code !== 0;
}
