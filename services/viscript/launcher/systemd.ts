import { existsSync } from 'node:fs';
import { DBusError } from './dbus.ts';
import { failedStart, whyNotExecutable } from './failed-start.ts';
import { Journal } from './journal.ts';
import {
  instanceName,
  LaunchFiles,
  type LaunchFolders,
  type LaunchNote,
  maxInstances,
  UnfitLaunch,
  unitName,
  unitPattern,
} from './launch-files.ts';
import type { AdoptedProcess, LaunchedProcess, Launcher, LaunchSpec } from './launcher.ts';
import { limitProperties } from './limits.ts';
import { UnitLaunch } from './unit-launch.ts';
import { Units } from './units.ts';

export interface SystemdLauncherOptions {
  log: (line: string) => void;
  /** Other places for launch files than the units on the image name. */
  folders?: LaunchFolders;
}

/**
 * Launches each app as an instance of a template unit (viscript-app@.service and, with capabilities,
 * viscript-app-…@.service): under a uid of its own, in a cgroup and a sandbox that the unit fixes. Launches live on
 * while the supervisor restarts.
 */
export class SystemdLauncher implements Launcher {
  readonly kind = 'systemd';
  readonly #log: (line: string) => void;
  readonly #files: LaunchFiles;
  /** By unit; an entry stays until the launch's end is told. */
  readonly #launches = new Map<string, UnitLaunch>();
  readonly #instances = new Set<string>();
  #connected: { units: Units; journal: Journal } | undefined;
  #adopted: AdoptedProcess[] = [];

  constructor({ log, folders }: SystemdLauncherOptions) {
    this.#log = log;
    this.#files = new LaunchFiles(folders);
  }

  /** @throws {BusClosed} when systemd does not answer */
  async start(): Promise<void> {
    const units = await Units.connect(this.#log);
    const notes = await this.#files.notes();
    for (const note of notes) this.#instances.add(note.instance);
    const journal = new Journal({
      log: this.#log,
      history: notes.length > 0 ? adoptedHistory : 0,
      onOutput: ({ unit, line }) => this.#launches.get(unit)?.deliver(line),
    });
    this.#connected = { units, journal };
    await this.#endStrangers(notes.map(({ unit }) => unit));
    for (const note of notes) {
      const launch = this.#track(note);
      await launch.takeOver();
      this.#adopted.push({ id: note.id, process: launch });
    }
  }

  async launch(spec: LaunchSpec): Promise<LaunchedProcess> {
    const problem = whyNotExecutable(spec.file);
    if (problem !== undefined) return failedStart(spec.id, problem);
    const instance = this.#freeInstance(spec.app.name);
    this.#instances.add(instance);
    try {
      return await this.#launch(instance, spec);
    } catch (error) {
      this.#instances.delete(instance);
      if (!(error instanceof DBusError || error instanceof UnfitLaunch)) throw error;
      return failedStart(spec.id, explain(error, spec));
    }
  }

  /** Launches of an earlier supervisor, those included that ended while nobody looked: their `exited` says how. */
  async adopt(): Promise<AdoptedProcess[]> {
    return this.#adopted;
  }

  async close(): Promise<void> {
    for (const launch of this.#launches.values()) launch.release();
    this.#connected?.journal.close();
    await this.#connected?.units.close();
  }

  async #launch(instance: string, spec: LaunchSpec): Promise<LaunchedProcess> {
    const { units } = this.#open();
    const { capabilities, mesh } = spec.app;
    const unit = unitName([...(mesh ? ['mesh'] : []), ...capabilities], instance);
    const note = await this.#files.write(instance, unit, spec);
    try {
      if (Object.keys(spec.app.limits).length > 0 || hasOwnLimits(unit)) {
        await units.setProperties(unit, limitProperties(spec.app.limits));
      }
      const launch = this.#track(note);
      await launch.start();
      return launch;
    } catch (error) {
      await this.#forget(note);
      throw error;
    }
  }

  #track(note: LaunchNote): UnitLaunch {
    const launch = new UnitLaunch(note, {
      ...this.#open(),
      files: this.#files,
      log: this.#log,
      ended: () => this.#forget(note),
    });
    this.#launches.set(note.unit, launch);
    return launch;
  }

  async #forget(note: LaunchNote): Promise<void> {
    this.#launches.delete(note.unit);
    await this.#files.remove(note);
    this.#instances.delete(note.instance);
  }

  /** Units that nobody wrote down would live on unmanaged. */
  async #endStrangers(known: string[]): Promise<void> {
    const { units } = this.#open();
    for (const unit of await units.running(unitPattern)) {
      if (known.includes(unit)) continue;
      this.#log(`unit ${unit} runs but nobody knows why; ended`);
      await units.kill(unit, 9);
    }
  }

  #freeInstance(app: string): string {
    for (let number = 1; number <= maxInstances; number++) {
      const name = instanceName(app, number);
      if (!this.#instances.has(name)) return name;
    }
    throw new Error(`app ${app} runs ${maxInstances} times already`);
  }

  #open() {
    if (!this.#connected) throw new Error('the launcher was not started');
    return this.#connected;
  }
}

/** Entries of the journal that are read again when launches are taken over. */
const adoptedHistory = 1000;

/** Limits set for an earlier launch of the unit lie here until the next boot. */
function hasOwnLimits(unit: string): boolean {
  return existsSync(`/run/systemd/system.control/${unit}.d`);
}

function explain(error: Error, { app }: LaunchSpec): string {
  if (!(error instanceof DBusError) || !noTemplate.has(error.errorName)) return error.message;
  return `this image has no unit for the capabilities ${app.capabilities.join(', ')}: ${error.message}`;
}

/** What systemd answers for a unit without a template, and polkit for a name that no rule allows. */
const noTemplate = new Set([
  'org.freedesktop.systemd1.NoSuchUnit',
  'org.freedesktop.DBus.Error.AccessDenied',
  'org.freedesktop.DBus.Error.InteractiveAuthorizationRequired',
]);
