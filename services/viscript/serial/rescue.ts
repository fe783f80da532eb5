import { execFile, spawn } from 'node:child_process';

/** Program and arguments. */
export type Command = readonly [string, ...string[]];

/** What can be done on a board while its supervisor is down. */
export interface RescueCommands {
  /** Prints the last lines of the supervisor's log. */
  log: Command;
  /** Prints what became of the supervisor, as NAME=VALUE a line: see {@link UNIT_PROPERTIES}. */
  unit: Command;
  restart: Command;
  reboot: Command;
  poweroff: Command;
}

const UNIT_PROPERTIES = ['ActiveState', 'SubState', 'Result', 'ExecMainCode', 'ExecMainStatus', 'NRestarts'];

/** A board's: systemd keeps the log, and its rules let the user viscript restart viscript, reboot and power off. */
export const BOARD_RESCUE: RescueCommands = {
  log: readJournal(10),
  unit: ['systemctl', 'show', 'viscript.service', `--property=${UNIT_PROPERTIES.join(',')}`],
  restart: ['systemctl', 'restart', 'viscript.service'],
  reboot: ['systemctl', 'reboot'],
  poweroff: ['systemctl', 'poweroff'],
};

/** The command that prints so many of the last lines of the supervisor's log on a board. */
export function readJournal(lines: number): Command {
  return ['journalctl', '-u', 'viscript', '-n', String(lines), '-o', 'cat', '--no-pager'];
}

/** The last lines of the supervisor's log, or why they cannot be had. Never rejects. */
export async function lastWords({ log }: RescueCommands): Promise<string> {
  const { text, failed } = await read(log);
  if (text !== '') return text.replace(/^/gm, '  ');
  return failed === undefined ? '  (its log is empty)' : `  (its log cannot be read: ${failed})`;
}

/** What systemd says of the supervisor's unit and of its last end, in a line, or why it cannot be had. Never rejects. */
export async function unitState({ unit }: RescueCommands): Promise<string> {
  const { text, failed } = await read(unit);
  if (failed !== undefined) return `its unit cannot be looked at: ${failed}`;
  const properties = new Map(
    text.split('\n').map((line): [string, string] => {
      const equals = line.indexOf('=');
      return [line.slice(0, equals), line.slice(equals + 1)];
    }),
  );
  const value = (name: string) => properties.get(name) ?? '?';
  const ended = HOW_ENDED[value('ExecMainCode')];
  const parts = [
    `its unit is ${value('ActiveState')} (${value('SubState')})`,
    ...(ended === undefined ? [] : [`it last ended with ${ended} ${value('ExecMainStatus')}`]),
    ...(value('Result') === 'success' ? [] : [`the reason is ${value('Result')}`]),
    `systemd has started it again ${value('NRestarts')} times`,
  ];
  return parts.join('; ');
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

/** `si_code` of the end of a child: waitid(2). */
const HOW_ENDED: Partial<Record<string, string>> = { 1: 'status', 2: 'signal', 3: 'signal' };

/** For reading what a command prints: milliseconds, and bytes at most. */
const READ_TIMEOUT = 5000;
const MAX_READ = 1024 * 1024;

function read([program, ...args]: Command): Promise<{ text: string; failed: string | undefined }> {
  return new Promise((resolve) => {
    execFile(program, args, { timeout: READ_TIMEOUT, maxBuffer: MAX_READ }, (error, stdout) => {
      resolve({ text: stdout.trimEnd(), failed: error?.message.trim() });
    });
  });
}
