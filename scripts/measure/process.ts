import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';

export interface Command {
  file: string;
  args: readonly string[];
  /** Laid over {@link cleanEnvironment}. */
  env?: Readonly<Record<string, string>>;
}

/** A command of a measurement that failed: what it printed, for nothing can be measured then. */
export class MeasureError extends Error {
  override readonly name = 'MeasureError';
}

const waitMs = 30_000;
const againMs = 50;

/** Tries until it works. @throws {MeasureError} says what did not come about within half a minute, and why in the end */
export async function until<T>(what: string, attempt: () => Promise<T>): Promise<T> {
  const end = performance.now() + waitMs;
  for (;;) {
    try {
      return await attempt();
    } catch (cause) {
      if (performance.now() > end)
        throw new MeasureError(`${what}: not within ${waitMs / 1000} s`, { cause });
    }
    await delay(againMs);
  }
}

/** This process's environment without what changes how programs start: an extra CA file doubles Node's start-up. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  const { NODE_EXTRA_CA_CERTS: _, NODE_OPTIONS: __, ...rest } = process.env;
  return rest;
}

/**
 * Runs a command to its end.
 *
 * @returns wall-clock milliseconds from the spawn to the exit, and what it printed
 * @throws {MeasureError} when it exits with anything but 0
 */
export async function timeCommand({ file, args, env }: Command): Promise<{ ms: number; stdout: string }> {
  const start = performance.now();
  const child = spawn(file, args, {
    env: { ...cleanEnvironment(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<{ status: number | null; ms: number }>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (status) => resolve({ status, ms: performance.now() - start }));
  });
  const [{ status, ms }, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  if (status !== 0) {
    throw new MeasureError(`${[file, ...args].join(' ')} exited with ${status}: ${stdout}${stderr}`);
  }
  return { ms, stdout };
}

/** Resident memory in bytes (VmRSS), shared pages counted as in every tool that shows RSS. */
export async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  if (kibibytes === undefined) throw new MeasureError(`process ${pid} has no memory: it is ending`);
  return Number(kibibytes) * 1024;
}

/** Unit of times in `/proc/PID/stat`: USER_HZ, 100 on every architecture that Node.js runs on. */
const TICKS_PER_SECOND = 100;

/** Seconds of processor time that all threads of a process have had, in itself and in the kernel (proc_pid_stat(5)). */
export async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The second field, the name, may contain anything, and ends with the last parenthesis.
  const [user, system] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .map(Number);
  if (user === undefined || system === undefined) throw new MeasureError(`process ${pid} has no times`);
  return (user + system) / TICKS_PER_SECOND;
}

/** Direct children of all threads of a process. */
export async function childrenOf(pid: number): Promise<number[]> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return children.split(' ').filter(Boolean).map(Number);
}
