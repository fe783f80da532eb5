import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { InvalidFile, type Problem } from '../../yaml/errors.ts';
import type { AppConfig, Config } from './schema.ts';

/** What the loader's process answers. */
export type LoaderAnswer = { config: Omit<Config, 'apps'> & { apps: AppConfig[] } } | { problems: Problem[] };

/** A file of the largest size that is nothing but errors takes a few seconds, on a board some more. */
const timeoutMs = 60_000;
const maxAnswerBytes = 64 * 1024 * 1024;

/**
 * Reads a config file in a process of its own, `program`: parser and schema take 15 MB, which the supervisor
 * would keep for ever for what it does once.
 * @throws {InvalidFile} when the file cannot be read, or anything in it is wrong.
 */
export async function loadConfigApart(program: string, file: string): Promise<Config> {
  const { stdout } = await promisify(execFile)(process.execPath, [...process.execArgv, program, file], {
    timeout: timeoutMs,
    maxBuffer: maxAnswerBytes,
  });
  const answer: LoaderAnswer = JSON.parse(stdout);
  if ('problems' in answer) throw new InvalidFile(answer.problems);
  return { ...answer.config, apps: new Map(answer.config.apps.map((app) => [app.name, app])) };
}
