import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type ExitRecord, parseExitRecord } from './exit-record.ts';
import type { LaunchSpec } from './launcher.ts';
import { defaultLimits } from './limits.ts';

/** What a supervisor that takes over has to know of a launch. */
export interface LaunchNote {
  id: number;
  instance: string;
  unit: string;
  /** Path of the pipe that is its standard input; undefined for a daemon, which reads nothing. */
  input?: string;
  /** The unit's exit record before this launch, which is the last run's. */
  before: string;
}

/** A launch that cannot be written down for systemd. */
export class UnfitLaunch extends Error {
  override readonly name = 'UnfitLaunch';
}

export interface LaunchFolders {
  /**
   * Holds `spec/`, in which viscript tells PID 1 what to start; `exit/`, in which PID 1 tells how it ended; and `disk/`,
   * in which image/rootfs-overlay/usr/lib/viscript/disk-share tells how many bytes of disk it may have.
   */
  launches: string;
  /** Holds the pipes of apps that read their input. */
  runtime: string;
}

/** Where the units viscript-app*@.service look. */
export const boardFolders: LaunchFolders = { launches: '/run/launches', runtime: '/run/viscript' };

/** The files of launches: what viscript tells PID 1 and the app, and what PID 1 tells viscript. */
export class LaunchFiles {
  readonly #spec: string;
  readonly #exit: string;
  readonly #disk: string;
  readonly #input: string;

  constructor({ launches, runtime }: LaunchFolders = boardFolders) {
    this.#spec = join(launches, 'spec');
    this.#exit = join(launches, 'exit');
    this.#disk = join(launches, 'disk');
    this.#input = join(runtime, 'input');
  }

  /**
   * Writes all that a unit needs to start.
   * @returns the note that is kept of it
   * @throws {UnfitLaunch}
   */
  async write(instance: string, unit: string, spec: LaunchSpec): Promise<LaunchNote> {
    const note: LaunchNote = { id: spec.id, instance, unit, before: await this.exitText(instance) };
    if (!spec.app.daemon) note.input = join(this.#input, `${instance}-${randomBytes(16).toString('hex')}`);
    const script = launchScript(launchEnvironment(instance, spec), spec, note);
    await this.#replace(instance, script);
    await this.#replace(`${instance}.disk`, `${spec.app.limits.disk ?? defaultLimits.disk}\n`);
    await this.#replace(`${instance}.json`, JSON.stringify(note));
    if (note.input) await this.#makePipe(note.input);
    return note;
  }

  async remove({ instance, input }: Pick<LaunchNote, 'instance' | 'input'>): Promise<void> {
    await rm(join(this.#spec, instance), { force: true });
    await rm(join(this.#spec, `${instance}.disk`), { force: true });
    await rm(join(this.#spec, `${instance}.json`), { force: true });
    if (input) await rm(input, { force: true });
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

  /** Bytes of disk that a unit may have; undefined where nothing bounds it. */
  async diskShare(instance: string): Promise<number | undefined> {
    const text = await this.#read(this.#disk, instance);
    return text === '' ? undefined : Number(text);
  }

  /** Any app may open a pipe in here and none can list the folder, so a pipe belongs to who knows its random name. */
  async #makePipe(path: string): Promise<void> {
    await mkdir(this.#input, { recursive: true });
    await chmod(this.#input, 0o711);
    await promisify(execFile)('mkfifo', ['--mode=666', path]);
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

/**
 * The unit of a launch; each set of rights has a template of its own on the image.
 * @param rights capabilities, and `mesh` for an app that may speak to the node
 */
export function unitName(rights: readonly string[], instance: string): string {
  const words = [...new Set(rights.map((name) => name.toLowerCase().replace(/^cap_/, '')))].sort();
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

function launchEnvironment(instance: string, { app, environment }: LaunchSpec): Record<string, string> {
  const own = Object.entries(environment).filter(
    ([name]) => Object.hasOwn(app.environment, name) || !ofTheSupervisor.includes(name),
  );
  // V8's compile cache is code that is run unchecked, so it is the app's own.
  return { NODE_COMPILE_CACHE: `${filesOf(instance)}/.cache/node`, ...Object.fromEntries(own) };
}

/** What the unit's shell runs as the app: it becomes the program. */
function launchScript(environment: Record<string, string>, spec: LaunchSpec, note: LaunchNote): string {
  const folder = hidden.test(`${spec.cwd}/`) ? filesOf(note.instance) : spec.cwd;
  const lines = [
    `cd ${quote(folder)} || exit 126`,
    ...Object.entries(environment).map(([name, value]) => `export ${checkedName(name)}=${quote(value)}`),
    // Opened for both, its input never ends: not with viscript, and not with a line that somebody typed.
    ...(note.input ? [`exec 0<>${quote(note.input)}`] : []),
    `exec ${[spec.file, ...spec.args].map(quote).join(' ')}`,
  ];
  const script = `${lines.join('\n')}\n`;
  if (script.includes('\0')) throw new UnfitLaunch('arguments and environment hold a zero byte');
  if (Buffer.byteLength(script) > maxScript) {
    throw new UnfitLaunch(`arguments and environment take more than ${maxScript / 1024} KiB`);
  }
  return script;
}

/** The app's own folder: StateDirectory= of the unit. */
function filesOf(instance: string): string {
  return `/var/lib/apps/${instance}`;
}

/** Bytes; systemd takes no credential over 1 MiB. */
const maxScript = 512 * 1024;

/** For a POSIX shell: between single quotes everything stands for itself. */
function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

function checkedName(name: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return name;
  throw new UnfitLaunch(`‘${name}’ is no name of a variable`);
}

function parseNote(text: string): LaunchNote | undefined {
  if (text === '') return undefined;
  const note: Partial<LaunchNote> = JSON.parse(text);
  const { id, instance, unit, input = '', before } = note;
  const whole =
    Number.isInteger(id) && [instance, unit, input, before].every((value) => typeof value === 'string');
  return whole ? (note as LaunchNote) : undefined;
}
