import type { AlertEvent, AlertsConfig } from '../config/schema.ts';
import { runAlert } from './alert-command.ts';
import type { AppExit } from './exits.ts';
import type { Launch } from './launch.ts';
import { thisMoment, timeOf } from './moment.ts';
import type { Supervisor } from './supervisor.ts';

/** What the command is told, on its standard input as JSON and in `VISCRIPT_*` variables. */
export interface Alert {
  event: AlertEvent;
  app: string;
  /** The launch. */
  id: number;
  /** In words. */
  reason: string;
  /** Milliseconds since 1970. */
  time: number;
  /** How many such events this one stands for: those of the same app that came while the command was running. */
  count: number;
  restarts: number;
  /** Ends in a row. */
  failures: number;
}

export interface AlertsOptions {
  supervisor: Supervisor;
  /** Tells in words how an app ended. */
  wordsOf: (exit: AppExit) => string;
  log: (line: string) => void;
}

/**
 * Watches the launches and runs the command of the config for what happens to them: one run at a time, and what comes
 * meanwhile waits, the same event of the same app as one. Nothing here can hold the supervisor up.
 */
export class Alerts {
  readonly #options: AlertsOptions;
  readonly #over = new AbortController();
  /** How each launch was last told to be; one that was never told of is up. */
  readonly #told = new WeakMap<Launch, 'down' | 'looping'>();
  /** By event and app: bounded by the config. */
  readonly #waiting = new Map<string, Omit<Alert, 'time'> & { moment: number }>();
  #running: Promise<void> | undefined;

  constructor(options: AlertsOptions) {
    this.#options = options;
    options.supervisor.on('change', (launch) => this.#onChange(launch));
    options.supervisor.on('ended', (launch, exit) => this.#onEnd(launch, exit));
  }

  /** Ends a command that is running, and runs none any more. */
  async close(): Promise<void> {
    this.#over.abort();
    this.#waiting.clear();
    await this.#running;
  }

  #onEnd(launch: Launch, exit: AppExit): void {
    const failed = exit.kind !== 'stopped' && (exit.code !== 0 || exit.reason !== undefined);
    if (!failed) return;
    const why = this.#options.wordsOf(exit);
    if (exit.kind === 'oom') this.#tell('over-limit', launch, why);
    if (this.#told.has(launch)) return;
    this.#told.set(launch, 'down');
    this.#tell('down', launch, why);
  }

  #onChange(launch: Launch): void {
    const told = this.#told.get(launch);
    if (launch.crashLoops && told !== 'looping') {
      this.#told.set(launch, 'looping');
      const why = launch.lastExit ? this.#options.wordsOf(launch.lastExit) : '';
      this.#tell('crash-loop', launch, `${launch.failures} times in a row: ${why}`);
    }
    // One that loops is up again when it has been stable, not whenever it gets ready before the next crash.
    const isUp = launch.state === 'ready' && !launch.crashLoops;
    if (isUp && told !== undefined) {
      this.#told.delete(launch);
      this.#tell('up', launch, 'it is ready again');
    }
  }

  #tell(event: AlertEvent, { id, app, restarts, failures }: Launch, reason: string): void {
    const { supervisor } = this.#options;
    if (this.#over.signal.aborted || !supervisor.config.alerts?.events.includes(event)) return;
    const key = `${event} ${app.name}`;
    const count = (this.#waiting.get(key)?.count ?? 0) + 1;
    const moment = thisMoment();
    this.#waiting.set(key, { event, app: app.name, id, reason, count, restarts, failures, moment });
    this.#running ??= this.#runAll().finally(() => {
      this.#running = undefined;
    });
  }

  async #runAll(): Promise<void> {
    // What is told of in one turn waits together.
    await Promise.resolve();
    for (const [key, { moment, ...alert }] of this.#waiting) {
      this.#waiting.delete(key);
      const { config } = this.#options.supervisor;
      if (config.alerts) await this.#run(config.alerts, config.file, { ...alert, time: timeOf(moment) });
    }
  }

  async #run(alerts: AlertsConfig, configFile: string, alert: Alert): Promise<void> {
    const problem = await runAlert(alerts, configFile, alert, this.#over.signal);
    if (problem === undefined) return;
    this.#options.log(`alert ${alert.event} of ${alert.app}: ${alerts.command[0]} ${problem}`);
  }
}
