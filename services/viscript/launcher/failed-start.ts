import { accessSync, constants } from 'node:fs';
import { type LaunchedProcess, ProcessGone } from './launcher.ts';

/** A launch that ended before it began. */
export function failedStart(id: number, message: string): LaunchedProcess {
  return {
    pid: undefined,
    exited: Promise.resolve({ code: null, signal: null, cause: 'start-failed', message }),
    onOutput: () => undefined,
    write: () => false,
    kill: async () => undefined,
    usage: () => Promise.reject(new ProcessGone(id)),
  };
}

/** @returns undefined when the file can be executed */
export function whyNotExecutable(file: string): string | undefined {
  try {
    accessSync(file, constants.X_OK);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
