import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';
import { Queue } from '../signal/support.ts';

const root = join(import.meta.dirname, '../../..');

export interface Program {
  child: ChildProcess;
  /** The next line on standard output. */
  line(): Promise<string>;
  errors(): string;
  exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

/** A program of the repository, run by the Node of the lock file; ended with the test. */
export function launch(
  file: string,
  args: readonly string[],
  environment: Record<string, string> = {},
): Program {
  const child = spawn(join(root, 'node_modules/.bin/node'), [join(root, file), ...args], {
    env: { PATH: process.env.PATH, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'close').then(([code, signal]) => ({ code, signal }));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  const lines = new Queue<string>();
  let errors = '';
  createInterface(child.stdout).on('line', (line) => lines.push(line));
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const line = async (): Promise<string> => {
    const next = await Promise.race([lines.next(), exited]);
    if (typeof next !== 'string') throw new Error(`${file} has ended: ${errors}`);
    return next;
  };
  return { child, line, errors: () => errors, exited };
}
