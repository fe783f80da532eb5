import { execFile, spawn } from 'node:child_process';

/** Program and arguments. */
export type Command = readonly [string, ...string[]];

/** What can be done on a board while its supervisor is down. */
export interface RescueCommands {
  /** Prints the last lines of the supervisor's log. */
  log: Command;
  restart: Command;
  reboot: Command;
}

/** A board's: systemd keeps the log, and its rules let the user viscript restart viscript and reboot. */
export const BOARD_RESCUE: RescueCommands = {
  log: ['journalctl', '-u', 'viscript', '-n', '10', '-o', 'cat', '--no-pager'],
  restart: ['systemctl', 'restart', 'viscript.service'],
  reboot: ['systemctl', 'reboot'],
};

export const RESCUE_HELP = [
  'Waiting for viscript; it is connected as soon as it answers. Meanwhile:',
  '  restart   start viscript again',
  '  reboot    restart the whole board',
].join('\n');

/** The last lines of the supervisor's log, or why they cannot be had. Never rejects. */
export function lastWords({ log: [program, ...args] }: RescueCommands): Promise<string> {
  return new Promise((resolve) => {
    execFile(program, args, { timeout: LOG_TIMEOUT, maxBuffer: MAX_LOG }, (error, stdout) => {
      const lines = stdout.trimEnd();
      if (lines !== '') resolve(lines.replace(/^/gm, '  '));
      else
        resolve(
          error === null ? '  (its log is empty)' : `  (its log cannot be read: ${error.message.trim()})`,
        );
    });
  });
}

/**
 * Runs a command to its end; aborting the signal ends it.
 *
 * @throws {Error} when it cannot be started
 * @returns its exit status, 1 when a signal ended it
 */
export async function runCommand(
  [program, ...args]: Command,
  out: (text: string) => Promise<void>,
  signal: AbortSignal,
): Promise<number> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const stop = () => child.kill('SIGTERM');
  signal.addEventListener('abort', stop, { once: true });
  try {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (text: string) => void out(text));
    }
    return await new Promise<number>((resolve, reject) => {
      child.once('error', (cause) => reject(new Error(`cannot run ${program}: ${cause.message}`, { cause })));
      child.once('close', (code) => resolve(code ?? 1));
    });
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** For reading the log: milliseconds, and bytes at most. */
const LOG_TIMEOUT = 5000;
const MAX_LOG = 1024 * 1024;
