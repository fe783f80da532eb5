import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ImageError } from './error.ts';

/**
 * Holds a lock file (flock(2)) while `work` runs; others who want the same file wait for their turn.
 * The lock is free again however this process ends, for a helper that lives as long as its input holds it.
 *
 * @param wait called in case somebody else has the lock, with the moment it is ours; shows the waiting
 */
export async function withLock<T>(
  file: string,
  wait: (ours: () => Promise<void>) => Promise<void>,
  work: () => Promise<T>,
): Promise<T> {
  await mkdir(dirname(file), { recursive: true });
  const atOnce = hold(['--nonblock', '--conflict-exit-code', String(TAKEN)], file);
  let holder = atOnce.child;
  try {
    if ((await atOnce.held) === TAKEN) {
      const later = hold([], file);
      holder = later.child;
      await wait(async () => expectHeld(file, await later.held));
    } else {
      expectHeld(file, await atOnce.held);
    }
    return await work();
  } finally {
    await release(holder);
  }
}

/** Exit status of flock when the lock is another's. */
const TAKEN = 75;

interface Holder {
  child: ChildProcess;
  /** Resolves to 0 when the lock is held, and to the exit status when it could not be had. */
  held: Promise<number | null>;
}

function hold(options: string[], file: string): Holder {
  const child = spawn('flock', [...options, file, 'sh', '-c', 'echo held; exec cat >/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const held = new Promise<number | null>((resolve, reject) => {
    child.once('error', (cause) => reject(new ImageError('flock of util-linux is needed', { cause })));
    child.once('exit', resolve);
    child.stdout.once('data', () => resolve(0));
  });
  return { child, held };
}

function expectHeld(file: string, status: number | null): void {
  if (status !== 0) throw new ImageError(`${file}: cannot be locked (flock: status ${status})`);
}

async function release(holder: ChildProcess): Promise<void> {
  if (holder.exitCode !== null || holder.signalCode !== null || holder.pid === undefined) return;
  const ended = once(holder, 'exit');
  holder.stdin?.end();
  await ended;
}
