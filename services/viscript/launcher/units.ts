import { Bus, BusClosed, DBusError, variantValue } from './dbus.ts';
import type { UnitProperty } from './limits.ts';

/**
 * systemd's manager over D-Bus (org.freedesktop.systemd1(5)), as far as a launcher needs it. Survives the bus: it
 * connects again and tells every watcher to look anew.
 */
export class Units {
  readonly #log: (line: string) => void;
  readonly #connect: () => Promise<Bus>;
  readonly #watchers = new Map<string, () => void>();
  readonly #jobs = new Map<string, Jobs>();
  #bus: Promise<Bus>;
  #closed = false;
  #wake: (() => void) | undefined;

  private constructor(bus: Bus, connect: () => Promise<Bus>, log: (line: string) => void) {
    this.#log = log;
    this.#connect = connect;
    this.#bus = Promise.resolve(bus);
  }

  /** @throws {BusClosed} when there is no system bus */
  static async connect(log: (line: string) => void, connect = () => Bus.connect()): Promise<Units> {
    const bus = await connect();
    const units = new Units(bus, connect, log);
    await units.#subscribe(bus);
    return units;
  }

  /**
   * Starts a unit and waits for the outcome.
   * @returns the job's result: `done`, or `failed`, `timeout`, `dependency`, `canceled` …
   * @throws {DBusError} when systemd or polkit refuse
   */
  async start(unit: string): Promise<string> {
    const jobs = this.#jobs.get(unit) ?? new Jobs();
    this.#jobs.set(unit, jobs);
    try {
      const [job] = await this.#manager('StartUnit', 'ss', [unit, 'replace']);
      return await jobs.resultOf(String(job));
    } finally {
      this.#jobs.delete(unit);
    }
  }

  /** Signals every process of a unit; a unit that has none is no error. */
  async kill(unit: string, signal: number): Promise<void> {
    try {
      await this.#manager('KillUnit', 'ssi', [unit, 'all', signal]);
    } catch (error) {
      if (!(error instanceof DBusError && nothingToKill.has(error.errorName))) throw error;
    }
  }

  /** Sets properties until the next boot. */
  async setProperties(unit: string, properties: UnitProperty[]): Promise<void> {
    await this.#manager('SetUnitProperties', 'sba(sv)', [unit, true, properties]);
  }

  /** `active`, `activating`, `deactivating`, `inactive` or `failed`. */
  async state(unit: string): Promise<string> {
    return String(await this.#property(unit, 'Unit', 'ActiveState'));
  }

  /** @returns undefined when it runs nothing */
  async mainPid(unit: string): Promise<number | undefined> {
    return Number(await this.#property(unit, 'Service', 'MainPID')) || undefined;
  }

  /** Names of the units that run and match one of the patterns. */
  async running(pattern: string): Promise<string[]> {
    const states = ['active', 'activating', 'deactivating', 'reloading'];
    const [units] = await this.#manager('ListUnitsByPatterns', 'asas', [states, [pattern]]);
    return Array.isArray(units) ? units.map(([name]) => String(name)) : [];
  }

  /** Calls `look` whenever the unit may have changed. @returns ends it */
  async watch(unit: string, look: () => void): Promise<() => void> {
    this.#watchers.set(unit, look);
    const unlisten = await this.#listenTo(await this.#bus, unit);
    return () => {
      this.#watchers.delete(unit);
      unlisten();
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#wake?.();
    const [bus] = await Promise.allSettled([this.#bus]);
    if (bus.status === 'fulfilled') bus.value.close();
  }

  async #subscribe(bus: Bus): Promise<void> {
    await bus.listen({ ...fromManager, member: 'JobRemoved' }, ([, job, unit, result]) => {
      this.#jobs.get(String(unit))?.removed(String(job), String(result));
    });
    await bus.call({ ...manager, member: 'Subscribe' });
    void bus.closed.then((reason) => this.#lost(reason));
  }

  #listenTo(bus: Bus, unit: string): Promise<() => void> {
    const rule = { sender: systemd, path: pathOf(unit), interface: properties, member: 'PropertiesChanged' };
    return bus.listen(rule, () => this.#watchers.get(unit)?.());
  }

  #lost(reason: string): void {
    if (this.#closed) return;
    this.#log(`systemd cannot be heard: ${reason}; connecting again`);
    this.#bus = this.#reconnect();
    // Whoever waits for the bus hears of a failure; here it only must not end the process.
    this.#bus.catch(() => undefined);
  }

  async #reconnect(): Promise<Bus> {
    for (let delay = firstDelayMs; ; delay = Math.min(2 * delay, maxDelayMs)) {
      await this.#pause(delay);
      if (this.#closed) throw new BusClosed('closed by us');
      try {
        const bus = await this.#connect();
        await this.#subscribe(bus);
        for (const unit of this.#watchers.keys()) await this.#listenTo(bus, unit);
        for (const jobs of this.#jobs.values()) jobs.lost();
        queueMicrotask(() => {
          for (const look of this.#watchers.values()) look();
        });
        return bus;
      } catch (error) {
        if (!(error instanceof BusClosed)) throw error;
        this.#log(error.message);
      }
    }
  }

  #pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async #manager(member: string, signature: string, body: unknown[]): Promise<unknown[]> {
    const bus = await this.#bus;
    return bus.call({ ...manager, member }, signature, body);
  }

  async #property(unit: string, kind: 'Unit' | 'Service', name: string): Promise<unknown> {
    const bus = await this.#bus;
    const get = { destination: systemd, path: pathOf(unit), interface: properties, member: 'Get' };
    const [value] = await bus.call(get, 'ss', [`${systemd}.${kind}`, name]);
    return variantValue(value);
  }
}

/** Jobs of one unit: their results may arrive before the caller knows the job's name. */
class Jobs {
  readonly #results = new Map<string, string>();
  #waiting: { job: string; resolve: (result: string) => void } | undefined;

  resultOf(job: string): Promise<string> {
    const known = this.#results.get(job);
    if (known !== undefined) return Promise.resolve(known);
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve('timeout'), jobTimeoutMs);
      this.#waiting = {
        job,
        resolve: (result) => {
          clearTimeout(timer);
          resolve(result);
        },
      };
    });
  }

  removed(job: string, result: string): void {
    this.#results.set(job, result);
    if (this.#waiting?.job === job) this.#waiting.resolve(result);
  }

  /** The result went by unheard; whoever waits looks at the unit itself. */
  lost(): void {
    this.#waiting?.resolve('done');
  }
}

const systemd = 'org.freedesktop.systemd1';
const properties = 'org.freedesktop.DBus.Properties';
const manager = {
  destination: systemd,
  path: '/org/freedesktop/systemd1',
  interface: `${systemd}.Manager`,
};
const fromManager = { sender: systemd, path: manager.path, interface: manager.interface };

const nothingToKill = new Set([
  'org.freedesktop.systemd1.NoSuchUnit',
  'org.freedesktop.systemd1.NoSuchProcess',
  'org.freedesktop.DBus.Error.UnixProcessIdUnknown',
  'System.Error.ESRCH',
]);

const firstDelayMs = 250;
const maxDelayMs = 10_000;
/** systemd gives up on a start after 90 s (DefaultTimeoutStartSec); a job may wait for others before. */
const jobTimeoutMs = 180_000;

/** A unit's object path: what is no letter or digit is written as _ and two hex digits (sd_bus_path_encode(3)). */
function pathOf(unit: string): string {
  const escaped = [...Buffer.from(unit)].map((byte, at) => {
    const char = String.fromCharCode(byte);
    const plain = /[A-Za-z]/.test(char) || (at > 0 && /[0-9]/.test(char));
    return plain ? char : `_${byte.toString(16).padStart(2, '0')}`;
  });
  return `${manager.path}/unit/${escaped.join('')}`;
}
