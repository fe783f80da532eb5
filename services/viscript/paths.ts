import { existsSync, lstatSync, mkdirSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

export interface Paths {
  /** Sockets and locks; private, ends with the boot or the login. */
  runtimeDirectory: string;
  /** What lasts: history, logs, the apps' own folders. */
  stateDirectory: string;
  configFile: string;
  controlSocket: string;
  /** Folder of the runtime itself. */
  libraryDirectory: string;
}

export interface PathOptions {
  runtimeDirectory?: string | undefined;
  configFile?: string | undefined;
  /** Folder of the runtime; its config.yaml is the last resort. */
  libraryDirectory: string;
}

/** In the folder where sockets belong somebody else could have put some. */
export class NotOurFolder extends Error {
  override readonly name = 'NotOurFolder';
}

/**
 * Where things are: on a board what systemd (RUNTIME_DIRECTORY, STATE_DIRECTORY) and the image set, on a laptop what
 * the XDG base directory specification says.
 * @throws {NotOurFolder}
 */
export function findPaths(options: PathOptions, env: NodeJS.ProcessEnv): Paths {
  const runtimeDirectory = resolve(
    options.runtimeDirectory ?? env.VISCRIPT_RUNTIME_DIR ?? env.RUNTIME_DIRECTORY ?? laptopRuntime(env),
  );
  return {
    runtimeDirectory,
    stateDirectory: env.VISCRIPT_STATE_DIR ?? env.STATE_DIRECTORY ?? laptopState(env),
    configFile: resolve(options.configFile ?? firstThere(configCandidates(options, env))),
    controlSocket: join(runtimeDirectory, 'control.sock'),
    libraryDirectory: options.libraryDirectory,
  };
}

/** What a board's image sets for every user, so that all front ends find the one supervisor. */
const boardRuntime = '/run/viscript';

function laptopRuntime(env: NodeJS.ProcessEnv): string {
  if (existsSync(join(boardRuntime, 'control.sock'))) return boardRuntime;
  return env.XDG_RUNTIME_DIR
    ? join(env.XDG_RUNTIME_DIR, 'viscript')
    : ourFolder(join(tmpdir(), `viscript-${process.getuid?.()}`));
}

/**
 * Makes a folder where everybody may, mode 0700, and takes none that another user has made before.
 * @throws {NotOurFolder}
 */
export function ourFolder(path: string): string {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const stats = lstatSync(path);
  if (stats.isDirectory() && stats.uid === process.getuid?.() && (stats.mode & 0o077) === 0) return path;
  throw new NotOurFolder(
    `${path} is no folder of yours alone, so what answers there may be another user's; remove it, or set XDG_RUNTIME_DIR`,
  );
}

function laptopState(env: NodeJS.ProcessEnv): string {
  return join(env.XDG_STATE_HOME ?? join(homedir(), '.local', 'state'), 'viscript');
}

function configCandidates({ libraryDirectory }: PathOptions, env: NodeJS.ProcessEnv): string[] {
  const packaged = join(libraryDirectory, 'config.yaml');
  const personal = join(env.XDG_CONFIG_HOME ?? join(homedir(), '.config'), 'viscript', 'config.yaml');
  const board = ['/data/viscript/config.yaml', '/etc/viscript/config.yaml', packaged];
  const laptop = ['config.yaml', personal, packaged];
  return env.VISCRIPT_LAUNCHER === 'systemd' ? board : laptop;
}

function firstThere(candidates: string[]): string {
  return candidates.find((candidate) => existsSync(candidate)) ?? candidates.at(-1) ?? 'config.yaml';
}
