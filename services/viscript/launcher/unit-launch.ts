import { constants } from 'node:os';
import { measureUnit } from './cgroup.ts';
import { BusClosed } from './dbus.ts';
import type { ExitRecord } from './exit-record.ts';
import { InputPipe } from './input-pipe.ts';
import type { Journal } from './journal.ts';
import type { LaunchFiles, LaunchNote } from './launch-files.ts';
import {
  type ExitStatus,
  type KernelUsage,
  type LaunchedProcess,
  type OutputStream,
  ProcessGone,
} from './launcher.ts';
import type { Units } from './units.ts';

/** What a launch asks of its surroundings. */
export interface UnitHost {
  units: Units;
  journal: Journal;
  files: LaunchFiles;
  log: (line: string) => void;
  /** Takes back what the launch held; `exited` waits for it. */
  ended(): Promise<void>;
}

/** Lines that wait for a listener; of more the oldest are lost. */
const maxUnheard = 1000;

/**
 * One run of a unit.
 *
 * INVARIANTS
 * - The end is told once, after the unit's last process is gone, its output was delivered and its files are removed.
 * - Whether it has ended is asked of systemd; signals of the bus only say when to ask.
 */
export class UnitLaunch implements LaunchedProcess {
  readonly exited: Promise<ExitStatus>;
  readonly #note: LaunchNote;
  readonly #host: UnitHost;
  readonly #tellEnd: (status: ExitStatus) => void;
  readonly #listeners: ((stream: OutputStream, chunk: Buffer) => void)[] = [];
  /** Output from before somebody listened. */
  #unheard: Buffer[] = [];
  #pid: number | undefined;
  #input: InputPipe | undefined;
  #unwatch: (() => void) | undefined;
  #looking: Promise<void> | undefined;
  #lookAgain = false;
  #running = false;
  #over = false;

  constructor(note: LaunchNote, host: UnitHost) {
    this.#note = note;
    this.#host = host;
    const { promise, resolve } = Promise.withResolvers<ExitStatus>();
    this.exited = promise;
    this.#tellEnd = resolve;
  }

  get pid(): number | undefined {
    return this.#pid;
  }

  /** Starts the unit. One that does not start is told as ended. @throws {DBusError} when systemd refuses */
  async start(): Promise<void> {
    const { units } = this.#host;
    await this.#openInput();
    try {
      await this.#watch();
      const result = await units.start(this.#note.unit);
      if (result !== 'done') return await this.#end(await this.#startFailed(result));
    } catch (error) {
      this.release();
      throw error;
    }
    await this.#follow();
  }

  /** Takes over a unit that runs, or has ended in the meantime. */
  async takeOver(): Promise<void> {
    await this.#openInput();
    await this.#watch();
    await this.#follow();
  }

  /** Forgets the unit, which lives on. */
  release(): void {
    this.#over = true;
    this.#unwatch?.();
    this.#input?.close();
  }

  /** A line of the unit's output. */
  deliver(line: Buffer): void {
    if (this.#listeners.length === 0) this.#unheard = [...this.#unheard.slice(1 - maxUnheard), line];
    for (const listener of this.#listeners) listener('stdout', line);
  }

  /** The journal keeps standard output and standard error as one; both come as `stdout`. */
  onOutput(listener: (stream: OutputStream, chunk: Buffer) => void): void {
    this.#listeners.push(listener);
    const unheard = this.#unheard;
    this.#unheard = [];
    for (const line of unheard) listener('stdout', line);
  }

  write(data: string): boolean {
    return this.#input?.write(data) ?? false;
  }

  async kill(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    if (!this.#over) await this.#host.units.kill(this.#note.unit, constants.signals[signal]);
  }

  async usage(): Promise<KernelUsage> {
    const usage = this.#over ? undefined : await measureUnit(this.#note.unit);
    if (!usage) throw new ProcessGone(this.#note.id);
    const disk = await this.#host.files.diskShare(this.#note.instance);
    return disk === undefined ? usage : { ...usage, limits: { ...usage.limits, disk } };
  }

  async #openInput(): Promise<void> {
    if (this.#note.input) this.#input = await InputPipe.open(this.#note.input);
  }

  async #watch(): Promise<void> {
    this.#unwatch = await this.#host.units.watch(this.#note.unit, () => {
      this.#look().catch((error: unknown) => this.#host.log(`${this.#note.unit}: ${String(error)}`));
    });
  }

  async #follow(): Promise<void> {
    this.#running = true;
    this.#pid = await this.#host.units.mainPid(this.#note.unit);
    await this.#look();
  }

  /** Looks once more when asked while looking, so that no change is missed. */
  #look(): Promise<void> {
    this.#lookAgain = true;
    this.#looking ??= this.#lookWhileAsked().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #lookWhileAsked(): Promise<void> {
    while (this.#lookAgain && this.#running && !this.#over) {
      this.#lookAgain = false;
      const state = await this.#state();
      if (state === 'inactive' || state === 'failed') return this.#end(await this.#howItEnded());
    }
  }

  /** @returns undefined when nobody can say; whoever brings the bus back asks for another look */
  async #state(): Promise<string | undefined> {
    try {
      return await this.#host.units.state(this.#note.unit);
    } catch (error) {
      if (!(error instanceof BusClosed)) throw error;
      return undefined;
    }
  }

  async #howItEnded(): Promise<ExitStatus> {
    const record = await this.#record();
    if (record) return record.status;
    const message = `systemd left no record of how ${this.#note.unit} ended`;
    return { code: null, signal: null, cause: 'lost', message };
  }

  /** Waits for the output of the run as well. A record that cannot be read is none: the launch has ended all the same. */
  async #record(): Promise<ExitRecord | undefined> {
    try {
      const record = await this.#host.files.exitRecord(this.#note);
      if (record) await this.#host.journal.complete(record.invocation);
      return record;
    } catch (error) {
      this.#host.log(`exit record of ${this.#note.unit}: ${String(error)}`);
      return undefined;
    }
  }

  async #startFailed(result: string): Promise<ExitStatus> {
    const { unit } = this.#note;
    const record = await this.#record();
    // What keeps systemd from making the app's folder also keeps it from running what writes the record.
    const why = record
      ? `systemd could not start ${unit} (${result}${record.status.code ? `, status ${record.status.code}` : ''})`
      : `systemd could not prepare ${unit} (${result}): is data full, with no room for its folder?`;
    const message = `${why}; see journalctl -u ${unit}`;
    return { code: null, signal: null, cause: 'start-failed', message };
  }

  async #end(status: ExitStatus): Promise<void> {
    if (this.#over) return;
    this.release();
    await this.#host.ended();
    this.#tellEnd(status);
  }
}
