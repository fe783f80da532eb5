import { accessSync, constants } from 'node:fs';
import { delimiter, dirname, extname, isAbsolute, join, resolve } from 'node:path';
import type { AppConfig } from '../config/schema.ts';
import { type Command, commandOfScript } from './script.ts';

export class MissingExecutable extends Error {
  override readonly name = 'MissingExecutable';
}

export interface Executable extends Command {
  /** The app is a JavaScript program run by our Node, and so expected to speak signal. */
  ours: boolean;
}

export interface SearchPlaces {
  /** Folder of the runtime; its `apps/NAME.js` are known by their bare names. */
  libraryDirectory: string;
  /** The config file that names the app; relative paths start from its folder. */
  configFile: string;
  /** Colon-separated folders searched for bare names, as PATH has them. */
  path: string;
}

/**
 * Finds what an app's `path` means: an absolute path; with a slash, relative to the config file; else a bare name,
 * one of the runtime's own apps or a program on PATH.
 * @throws {MissingExecutable}
 */
export function findExecutable(app: AppConfig, places: SearchPlaces): Executable {
  for (const candidate of candidates(app.path, places)) {
    const script = scriptExtensions.has(extname(candidate));
    if (!allows(candidate, script ? constants.R_OK : constants.X_OK)) continue;
    return script
      ? { ...commandOfScript(candidate), ours: true }
      : { file: candidate, leading: [], ours: false };
  }
  const looked = app.path.includes('/') ? '' : " among the runtime's apps and on PATH";
  throw new MissingExecutable(
    `app ${app.name}: no executable file ${app.path}${looked}; install it or correct 'path' in ${places.configFile}`,
  );
}

const scriptExtensions = new Set(['.js', '.mjs', '.ts']);

function candidates(path: string, { libraryDirectory, configFile, path: searched }: SearchPlaces): string[] {
  if (isAbsolute(path)) return [path];
  if (path.includes('/')) return [resolve(dirname(configFile), path)];
  const onPath = searched.split(delimiter).filter(Boolean);
  return [join(libraryDirectory, 'apps', `${path}.js`), ...onPath.map((folder) => join(folder, path))];
}

function allows(file: string, mode: number): boolean {
  try {
    accessSync(file, mode);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error) return false;
    throw error;
  }
}
