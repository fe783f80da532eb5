import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';

const root = join(import.meta.dirname, '../../..');

export interface AppProcess {
  child: ChildProcess;
  /** The first line of standard output and standard error that `pattern` fits, of those that are there and those to come. */
  line(pattern: RegExp): Promise<string>;
  /** All it has printed. */
  output(): string;
  exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

/** One of the two apps as users run it, by the Node of the lock file; it ends with the test. */
export function launch(
  which: 'client' | 'server',
  args: readonly string[],
  environment: Record<string, string> = {},
): AppProcess {
  const child = spawn(
    join(root, 'node_modules/.bin/node'),
    [join(root, 'services/socks', which, 'main.ts'), ...args],
    // Compiled once, not for each of them.
    {
      env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: join(root, 'out/test/compiled'), ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  const wake = () => {
    for (const look of waiting) look();
  };
  for (const stream of [child.stdout, child.stderr]) {
    createInterface(stream).on('line', (line) => {
      lines.push(line);
      wake();
    });
  }
  let ended = false;
  const exited = once(child, 'close').then(([code, signal]) => {
    ended = true;
    wake();
    return { code, signal };
  });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  const line = (pattern: RegExp) =>
    new Promise<string>((resolve, reject) => {
      const look = () => {
        const found = lines.find((each) => pattern.test(each));
        if (found === undefined && !ended) return;
        waiting.delete(look);
        if (found === undefined) reject(new Error(`it ended before ${pattern}: ${lines.join('\n')}`));
        else resolve(found);
      };
      waiting.add(look);
      look();
    });
  return { child, line, output: () => lines.join('\n'), exited };
}
