import { NotifyError, sdNotify } from './libsystemd.ts';

export { NotifyError };

/**
 * Tells systemd how the service fares (sd_notify(3)). Every call does nothing where no NOTIFY_SOCKET is set. What cannot
 * be told once the service is up ends as a warning: the service goes on, and systemd judges by what it hears.
 */
export interface Notifier {
  /** The service is up; `status` is what `systemctl status` shows. @throws {NotifyError} */
  ready(status: string): void;
  status(text: string): void;
  /** From now on says at half of WatchdogSec that the event loop turns; a service that hangs is restarted. */
  watchdog(): void;
  stopping(): void;
  /** Ends the watchdog's timer. */
  close(): void;
}

/**
 * Opens the way to systemd that the environment names; libsystemd is loaded only where there is one. The messages come
 * from this very process, so they are believed under NotifyAccess=main too.
 * @throws {NotifyError} when NOTIFY_SOCKET is set and libsystemd cannot be loaded
 */
export async function openNotifier(env: NodeJS.ProcessEnv = process.env): Promise<Notifier> {
  if (!env.NOTIFY_SOCKET) return silent;
  return new SystemdNotifier(await sdNotify(), watchdogPeriodMs(env));
}

const silent: Notifier = {
  ready: () => undefined,
  status: () => undefined,
  watchdog: () => undefined,
  stopping: () => undefined,
  close: () => undefined,
};

class SystemdNotifier implements Notifier {
  readonly #notify: (state: string) => number;
  readonly #periodMs: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #lastStatus: string | undefined;

  constructor(notify: (state: string) => number, periodMs: number | undefined) {
    this.#notify = notify;
    this.#periodMs = periodMs;
  }

  ready(status: string): void {
    this.#lastStatus = status;
    this.#send(`READY=1\nSTATUS=${oneLine(status)}`);
  }

  status(text: string): void {
    if (text === this.#lastStatus) return;
    this.#lastStatus = text;
    this.#tell(`STATUS=${oneLine(text)}`);
  }

  watchdog(): void {
    if (this.#periodMs === undefined || this.#timer) return;
    this.#tell('WATCHDOG=1');
    // Sent after the poll phase, so that a loop whose timers run but whose sockets are starved is found out as well.
    this.#timer = setInterval(() => setImmediate(() => this.#tell('WATCHDOG=1')), this.#periodMs);
    this.#timer.unref();
  }

  stopping(): void {
    this.#tell('STOPPING=1');
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #tell(state: string): void {
    try {
      this.#send(state);
    } catch (error) {
      if (!(error instanceof NotifyError)) throw error;
      process.emitWarning(error);
    }
  }

  #send(state: string): void {
    const result = this.#notify(state);
    if (result >= 0) return;
    throw new NotifyError(
      `systemd cannot be told ${JSON.stringify(state)}: error ${-result} from sd_notify on ${process.env.NOTIFY_SOCKET}`,
    );
  }
}

/**
 * WATCHDOG_USEC is the time after which systemd gives up; sd_watchdog_enabled(3) recommends to speak at half of it.
 * A WATCHDOG_PID of another process means that the watchdog is not ours to feed.
 */
function watchdogPeriodMs(env: NodeJS.ProcessEnv): number | undefined {
  const microseconds = Number(env.WATCHDOG_USEC);
  if (!(microseconds > 0)) return undefined;
  if (env.WATCHDOG_PID && Number(env.WATCHDOG_PID) !== process.pid) return undefined;
  return microseconds / 2000;
}

/** A line feed would begin another variable. */
function oneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, ' ');
}
