import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type ExitRecord, parseExitRecord } from './exit-record.ts';
import type { LaunchSpec } from './launcher.ts';

/** What lies in the folder for one launch besides its environment: enough to take it over. */
export interface LaunchNote {
  id: number;
  instance: string;
  unit: string;
  /** The unit's exit record before this launch, which is the last run's. */
  before: string;
}

/** A launch that cannot be written down for systemd. */
export class UnfitLaunch extends Error {
  override readonly name = 'UnfitLaunch';
}

/**
 * The files through which viscript tells PID 1 what to start (`spec/`) and PID 1 tells how it ended (`exit/`); the units
 * viscript-app*@.service name the same paths.
 */
export class LaunchFiles {
  readonly #spec: string;
  readonly #exit: string;

  constructor(folder = '/run/launches') {
    this.#spec = join(folder, 'spec');
    this.#exit = join(folder, 'exit');
  }

  /** Path of the launch's standard input: a named pipe, or an empty file for a daemon. */
  inputOf(instance: string): string {
    return join(this.#spec, `${instance}.in`);
  }

  /** Writes all that the unit needs to start. @throws {UnfitLaunch} */
  async write(note: LaunchNote, spec: LaunchSpec): Promise<void> {
    const environment = formatEnvironment(launchEnvironment(note.instance, spec));
    await this.#replace(`${note.instance}.json`, JSON.stringify(note));
    await this.#replace(`${note.instance}.env`, environment);
    const input = this.inputOf(note.instance);
    await rm(input, { force: true });
    if (spec.app.daemon) await writeFile(input, '', { mode: 0o600 });
    else await promisify(execFile)('mkfifo', ['--mode=600', input]);
  }

  /** The secret in it was needed at the start only. */
  async removeEnvironment(instance: string): Promise<void> {
    await rm(join(this.#spec, `${instance}.env`), { force: true });
  }

  async remove(instance: string): Promise<void> {
    for (const ending of ['env', 'in', 'json']) {
      await rm(join(this.#spec, `${instance}.${ending}`), { force: true });
    }
  }

  /** Launches that an earlier supervisor has written down. */
  async notes(): Promise<LaunchNote[]> {
    const names = (await readdir(this.#spec)).filter((name) => name.endsWith('.json'));
    const notes = await Promise.all(names.map(async (name) => parseNote(await this.#read(this.#spec, name))));
    return notes.filter((note) => note !== undefined);
  }

  /** The last exit record of a unit as it stands; empty where there is none. */
  async exitText(instance: string): Promise<string> {
    return this.#read(this.#exit, instance);
  }

  /** How the launch ended; undefined when root has written nothing since it began. */
  async exitRecord({ instance, before }: LaunchNote): Promise<ExitRecord | undefined> {
    const text = await this.exitText(instance);
    return text === before ? undefined : parseExitRecord(text);
  }

  async #replace(name: string, text: string): Promise<void> {
    const path = join(this.#spec, name);
    await writeFile(`${path}.new`, text, { mode: 0o600 });
    await rename(`${path}.new`, path);
  }

  async #read(folder: string, name: string): Promise<string> {
    try {
      return await readFile(join(folder, name), 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
      throw error;
    }
  }
}

/**
 * The part of a unit's name that stands for the launch: the app's name, so that its files and its uid stay the same
 * from start to start. A second launch of the same app beside the first has a number, and so files of its own.
 * At most 27 characters, for `app-` and it make a user name (31). `_` stands in no app's part, so no two apps meet.
 */
export function instanceName(app: string, number: number): string {
  const plain = /^[a-z0-9][a-z0-9-]{0,22}$/.test(app) ? app : shortened(app);
  return number === 1 ? plain : `${plain}_${number}`;
}

/** Most launches of one app at the same time. */
export const maxInstances = 999;

/** The unit of a launch; each set of capabilities has a template of its own on the image. */
export function unitName(capabilities: readonly string[], instance: string): string {
  const words = [...new Set(capabilities.map((name) => name.toLowerCase().replace(/^cap_/, '')))].sort();
  return `${['viscript-app', ...words].join('-')}@${instance}.service`;
}

/** Units of launches, whatever their capabilities. */
export const unitPattern = 'viscript-app*@*.service';

function shortened(app: string): string {
  const readable = app
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]/g, '')
    .replace(/^-+/, '')
    .slice(0, 12);
  return `${readable || 'x'}-${createHash('sha256').update(app).digest('hex').slice(0, 10)}`;
}

/** Names that say something about the supervisor's own user; systemd sets those of the app. */
const ofTheSupervisor = [
  'HOME',
  'USER',
  'LOGNAME',
  'SHELL',
  'TMPDIR',
  'XDG_RUNTIME_DIR',
  'NODE_COMPILE_CACHE',
];
/** Folders that an app does not see. */
const hidden = /^\/(data|boot|home|root|run\/launches)(\/|$)/;

function launchEnvironment(instance: string, { app, file, args, cwd, environment }: LaunchSpec) {
  if (file.includes('=')) throw new UnfitLaunch(`${file}: a program whose path has a ‘=’ cannot be launched`);
  const own = Object.entries(environment).filter(
    ([name]) => Object.hasOwn(app.environment, name) || !ofTheSupervisor.includes(name),
  );
  const files = `/var/lib/apps/${instance}`;
  return {
    // V8's compile cache is code that is run unchecked, so it is the app's own.
    NODE_COMPILE_CACHE: `${files}/.cache/node`,
    ...Object.fromEntries(own),
    LAUNCH_DIRECTORY: hidden.test(`${cwd}/`) ? files : cwd,
    LAUNCH_COMMAND: [file, ...args].map(quoteWord).join(' '),
  };
}

/** As systemd splits a variable that stands alone in ExecStart= (systemd.service(5), "Command lines"). */
function quoteWord(word: string): string {
  return `"${word.replaceAll(/["\\]/g, '\\$&')}"`;
}

/** A file as EnvironmentFile= reads it (systemd.exec(5)): in double quotes \ escapes " \ ` and $, all else is literal. */
export function formatEnvironment(variables: Record<string, string>): string {
  const lines = Object.entries(variables).map(([name, value]) => {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw new UnfitLaunch(`‘${name}’ is no name of a variable`);
    if (value.includes('\0')) throw new UnfitLaunch(`the value of ${name} holds a zero byte`);
    return `${name}="${value.replaceAll(/["\\`$]/g, '\\$&')}"\n`;
  });
  const text = lines.join('');
  if (Buffer.byteLength(text) > maxEnvironment) {
    throw new UnfitLaunch(`arguments and environment take more than ${maxEnvironment / 1024} KiB`);
  }
  return text;
}

/** Bytes; the kernel takes no single string over 128 KiB (MAX_ARG_STRLEN), and the arguments pass as one. */
const maxEnvironment = 128 * 1024;

function parseNote(text: string): LaunchNote | undefined {
  if (text === '') return undefined;
  const note: Partial<LaunchNote> = JSON.parse(text);
  const { id, instance, unit, before } = note;
  const whole = Number.isInteger(id) && [instance, unit, before].every((value) => typeof value === 'string');
  return whole ? (note as LaunchNote) : undefined;
}
