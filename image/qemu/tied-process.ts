import { type ChildProcess, spawn } from 'node:child_process';
import type { Duplex } from 'node:stream';

/** How much of what the process says on standard error is kept for an error message. */
const MAX_STDERR = 8192;

/**
 * Runs `"$@"` after its first word only if the process that asked for it still lives: the kernel's death signal,
 * set just before, is not sent for a parent that had already died by then.
 */
const EXEC_UNDER_LIVING_OWNER = '[ "$PPID" = "$1" ] || exit 1; shift; exec "$@"';

/**
 * A child process that cannot outlive its owner, however the owner ends: the kernel kills it (PR_SET_PDEATHSIG)
 * when the thread that started it is gone. File descriptor 3 of the child is one end of a private socket pair.
 */
export interface TiedProcess {
  readonly pid: number | undefined;
  /** The other end of the child's file descriptor 3. */
  readonly channel: Duplex;
  /** Exit status, or null when a signal ended it. Rejects if it could not be started. */
  readonly exited: Promise<number | null>;
  /** Whether it has not ended yet. */
  readonly running: boolean;
  /** The end of what it printed on standard error. */
  readonly stderr: string;
  kill(signal: 'SIGTERM' | 'SIGKILL'): void;
}

export function spawnTied(command: string, args: readonly string[]): TiedProcess {
  const child = spawn(
    'setpriv',
    [
      ...['--pdeathsig', 'KILL'],
      ...['sh', '-c', EXEC_UNDER_LIVING_OWNER, 'sh', String(process.pid)],
      command,
      ...args,
    ],
    { stdio: ['ignore', 'ignore', 'pipe', 'pipe'] },
  );
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-MAX_STDERR);
  });
  const exited = new Promise<number | null>((resolve, reject) => {
    child.once('error', (error) => reject(notStarted(error)));
    child.once('close', (code) => resolve(code));
  });
  return {
    pid: child.pid,
    channel: channelOf(child),
    exited,
    get running() {
      return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
    },
    get stderr() {
      return stderr;
    },
    kill: (signal) => {
      child.kill(signal);
    },
  };
}

/** Node gives a socket, readable and writable, for a `pipe` of a child; the type of `stdio` does not say so. */
function channelOf(child: ChildProcess): Duplex {
  return child.stdio[3] as Duplex;
}

function notStarted(cause: NodeJS.ErrnoException): Error {
  const what = cause.code === 'ENOENT' ? 'setpriv was not found: install util-linux' : cause.message;
  return new Error(`cannot start a process: ${what}`, { cause });
}
