import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

/** Set for the supervisor that runs under the guard. */
const guardedVariable = 'VISCRIPT_GUARDED';

/**
 * For a supervisor that mostly waits, a few milliseconds of processor against some 9 MB: JavaScript is interpreted and
 * never compiled to machine code, young objects are given a megabyte, and malloc(3) shares one arena among all threads
 * and gives back what is free at its end.
 */
const thriftyFlags = ['--jitless', '--optimize-for-size', '--max-semi-space-size=1'];
const thriftyEnvironment = {
  MALLOC_ARENA_MAX: '1',
  MALLOC_TRIM_THRESHOLD_: '16384',
  MALLOC_TOP_PAD_: '4096',
  MALLOC_MMAP_THRESHOLD_: '32768',
};

/** prctl(2), linux/prctl.h. */
const PR_SET_CHILD_SUBREAPER = 36;

export interface GuardOptions {
  runtimeDirectory: string;
  /** Folder that holds `guard.sh` and `guard-cleanup.js`. */
  libraryDirectory: string;
}

export class GuardError extends Error {
  override readonly name = 'GuardError';
}

/**
 * Puts this process under the guard, a small shell that ends every descendant of the supervisor when the supervisor
 * ends (see guard.sh). Replaces the running program and so returns only in the guarded copy of it.
 *
 * The guard has to be an ancestor of all apps, and a process can become a subreaper only by its own system call; so
 * this process makes itself one and then becomes the shell, which costs less memory than a second Node.
 */
export async function enterGuard({ runtimeDirectory, libraryDirectory }: GuardOptions): Promise<void> {
  if (process.env[guardedVariable] !== undefined) {
    delete process.env[guardedVariable];
    return;
  }
  mkdirSync(runtimeDirectory, { recursive: true, mode: 0o700 });
  await becomeSubreaper();
  if (process.execve === undefined)
    throw new GuardError(`Node ${process.version} has no process.execve; use Node 24`);
  const [entry = ''] = process.argv.slice(1);
  process.execve(
    '/bin/sh',
    [
      'viscript-guard',
      join(libraryDirectory, 'guard.sh'),
      join(runtimeDirectory, 'lock'),
      join(libraryDirectory, 'guard-cleanup.js'),
      process.execPath,
      ...thriftyFlags,
      ...process.execArgv,
      entry,
      ...process.argv.slice(2),
    ],
    { ...thriftyEnvironment, ...process.env, [guardedVariable]: '1' },
  );
}

/** The process that was the guard's, when this one runs under it. */
const guardPid = process.ppid;

/** The guard's process; undefined when it is gone. */
export function livingGuard(): number | undefined {
  return process.ppid === guardPid ? guardPid : undefined;
}

/**
 * Where the guard is gone, for somebody killed it, makes this process the one that orphans fall to, so that it can end
 * them itself. @returns whether it had to
 */
export async function replaceGuardIfGone(): Promise<boolean> {
  if (livingGuard() !== undefined) return false;
  await becomeSubreaper();
  return true;
}

async function becomeSubreaper(): Promise<void> {
  const { default: koffi } = await import('koffi');
  const prctl = koffi.load('libc.so.6').func('int prctl(int option, ulong a, ulong b, ulong c, ulong d)');
  if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) !== 0) {
    throw new GuardError(`prctl(PR_SET_CHILD_SUBREAPER) failed with error ${koffi.errno()}`);
  }
}
