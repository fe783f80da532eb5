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
  /**
   * From now on asks four times in WatchdogSec whether the service works, and tells systemd each time that it does; a
   * service that hangs, or whose answer stays away, is restarted. Nothing but such an answer feeds the watchdog.
   *
   * @param works resolves when the service has done what it is for, and rejects, with the reason, when it cannot
   */
  watchdog(works: () => Promise<void>): void;
  stopping(): void;
  /** Ends the feeding of the watchdog. */
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
  #asking = false;
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

  watchdog(works: () => Promise<void>): void {
    if (this.#periodMs === undefined || this.#timer) return;
    this.#tell('WATCHDOG=1');
    this.#timer = setInterval(() => void this.#feed(works), this.#periodMs);
    this.#timer.unref();
  }

  stopping(): void {
    this.#tell('STOPPING=1');
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #feed(works: () => Promise<void>): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    try {
      await works();
      this.#tell('WATCHDOG=1');
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      process.emitWarning(new NotifyError(`the watchdog was not fed: ${why}`, { cause }));
    } finally {
      this.#asking = false;
    }
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
 * WATCHDOG_USEC is the time after which systemd gives up. sd_watchdog_enabled(3) recommends to speak at half of it; at a
 * quarter, a service that is kept from one answer has time for another. A WATCHDOG_PID of another process means that
 * the watchdog is not ours to feed.
 */
function watchdogPeriodMs(env: NodeJS.ProcessEnv): number | undefined {
  const microseconds = Number(env.WATCHDOG_USEC);
  if (!(microseconds > 0)) return undefined;
  if (env.WATCHDOG_PID && Number(env.WATCHDOG_PID) !== process.pid) return undefined;
  return microseconds / 4000;
}

/** A line feed would begin another variable. */
function oneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, ' ');
}
