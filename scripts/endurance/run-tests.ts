import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { join } from 'node:path';

export interface RunTestsOptions {
  /** The repository's folder. */
  root: string;
  /** File to which all output is appended. */
  log: string;
  /** Laid over this process's environment. */
  env: NodeJS.ProcessEnv;
  /** Aborting it ends what runs. */
  signal: AbortSignal;
}

/**
 * Runs tests to their end.
 *
 * @param args what vitest is told after `run`
 * @returns whether all passed
 */
export async function runTests(args: readonly string[], options: RunTestsOptions): Promise<boolean> {
  const { root, signal } = options;
  await using log = await open(options.log, 'a');
  const child = spawn(join(root, 'node_modules/.bin/vitest'), ['run', ...args], {
    cwd: root,
    env: { ...process.env, NO_COLOR: '1', ...options.env },
    stdio: ['ignore', log.fd, log.fd],
    // A group of its own: processes that are busy with a test notice nothing but SIGKILL.
    detached: true,
  });
  const exited = once(child, 'exit');
  const end = () => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
  };
  signal.addEventListener('abort', end);
  if (signal.aborted) end();
  try {
    const [status] = await exited;
    return status === 0;
  } finally {
    signal.removeEventListener('abort', end);
  }
}
