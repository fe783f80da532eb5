import { existsSync } from 'node:fs';
import { DBusError } from './dbus.ts';
import { failedStart, whyNotExecutable } from './failed-start.ts';
import { Journal } from './journal.ts';
import {
  instanceName,
  LaunchFiles,
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
  /** Where launch files lie; the units on the image name it too. */
  launchesFolder?: string;
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

  constructor({ log, launchesFolder }: SystemdLauncherOptions) {
    this.#log = log;
    this.#files = new LaunchFiles(launchesFolder);
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
    const problem = await whyNotExecutable(spec.file);
    if (problem !== undefined) return failedStart(spec.id, problem);
    const instance = this.#freeInstance(spec.app.name);
    this.#instances.add(instance);
    try {
      return await this.#launch(instance, spec);
    } catch (error) {
      await this.#forget({ instance, unit: unitName(spec.app.capabilities, instance) });
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
    const unit = unitName(spec.app.capabilities, instance);
    const note = { id: spec.id, instance, unit, before: await this.#files.exitText(instance) };
    await this.#files.write(note, spec);
    if (Object.keys(spec.app.limits).length > 0 || hasOwnLimits(unit)) {
      await units.setProperties(unit, limitProperties(spec.app.limits));
    }
    const launch = this.#track(note);
    await launch.start();
    await this.#files.removeEnvironment(instance);
    return launch;
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

  async #forget({ instance, unit }: Pick<LaunchNote, 'instance' | 'unit'>): Promise<void> {
    this.#launches.delete(unit);
    await this.#files.remove(instance);
    this.#instances.delete(instance);
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
