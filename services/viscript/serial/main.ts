import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import notify from 'systemd-notify';
import { InvalidFile } from '../../yaml/errors.ts';
import { lastGoodPath } from '../config/last-good.ts';
import { loadConfigApart } from '../config/load-apart.ts';
import { ControlClient } from '../control/client.ts';
import { exitStatus } from '../control/protocol.ts';
import { findPaths, type Paths } from '../paths.ts';
import { History, HistoryError } from '../terminal/history.ts';
import { runSerialConsole } from './console.ts';
import type { RescueConfig } from './menu.ts';
import { RescueClient } from './rescue-client.ts';

const USAGE = `usage: viscript serial DEVICE [--baud 115200] [--columns 80] [--patience 0] [--idle 0]
                [--passphrase FILE --rescue SOCKET]`;

/**
 * `viscript serial DEVICE …`: the terminal on a serial line until SIGTERM or SIGINT. A supervisor that is not there within
 * the patience (seconds) is said to be down. Where FILE is there, SOCKET is asked whether a passphrase is right before
 * anything else, and a session ends in which nothing is typed for `--idle` seconds.
 *
 * @returns the exit status
 */
export async function runSerial(args: string[], paths: Paths): Promise<number> {
  const line = parse(args);
  if (typeof line === 'string') {
    process.stderr.write(`viscript serial: ${line}\n${USAGE}\n`);
    return exitStatus.usage;
  }
  const end = new AbortController();
  const stop = () => end.abort();
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  try {
    await runSerialConsole({
      ...line,
      config: configOf(paths),
      connect: () => ControlClient.connect(paths.controlSocket),
      history: await openHistory(join(paths.stateDirectory, 'history')),
      color: !process.env.NO_COLOR,
      dumb: process.env.TERM === 'dumb',
      onStatus: tellStatus,
      signal: end.signal,
    });
    return exitStatus.done;
  } finally {
    process.off('SIGTERM', stop);
    process.off('SIGINT', stop);
  }
}

interface Line {
  device: string;
  baudRate: number;
  columns: number;
  patienceMs: number;
  idleMs: number;
  guard?: RescueClient;
}

/** The line, or what is wrong with the arguments. */
function parse(args: string[]): Line | string {
  try {
    const options = {
      baud: { type: 'string', default: '115200' },
      columns: { type: 'string', default: '80' },
      patience: { type: 'string', default: '0' },
      idle: { type: 'string', default: '0' },
      passphrase: { type: 'string' },
      rescue: { type: 'string' },
    } as const;
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    const [device, ...more] = positionals;
    const baudRate = wholeNumber(values.baud);
    const columns = wholeNumber(values.columns);
    if (device === undefined || more.length > 0) return 'one DEVICE is needed, such as /dev/ttyS0';
    if (baudRate === undefined) return `--baud: ${values.baud} is no rate`;
    if (columns === undefined) return `--columns: ${values.columns} is no width`;
    for (const name of ['patience', 'idle'] as const)
      if (!/^\d{1,5}$/.test(values[name])) return `--${name}: ${values[name]} is no number of seconds`;
    const { passphrase: passphraseFile, rescue: socket } = values;
    if ((passphraseFile === undefined) !== (socket === undefined))
      return '--passphrase and --rescue go together';
    return {
      ...{ device, baudRate, columns, patienceMs: 1000 * Number(values.patience) },
      idleMs: 1000 * Number(values.idle),
      ...(passphraseFile === undefined || socket === undefined
        ? {}
        : { guard: new RescueClient({ socket, passphraseFile, line: basename(device) }) }),
    };
  } catch (error) {
    if (error instanceof TypeError) return error.message;
    throw error;
  }
}

function configOf({ stateDirectory, libraryDirectory }: Paths): RescueConfig {
  return {
    file: () => findPaths({ libraryDirectory }, process.env).configFile,
    async check(file) {
      try {
        await loadConfigApart(join(libraryDirectory, 'config-loader.js'), file);
        return undefined;
      } catch (error) {
        if (error instanceof InvalidFile) return error.message;
        throw error;
      }
    },
    lastGood: lastGoodPath(stateDirectory),
    folder: stateDirectory,
  };
}

/** A console without its history is better than none. */
async function openHistory(file: string): Promise<History> {
  try {
    return await History.open(file);
  } catch (error) {
    if (!(error instanceof HistoryError)) throw error;
    process.stderr.write(`viscript serial: ${error.message}\n`);
    return History.open(undefined);
  }
}

function wholeNumber(text: string): number | undefined {
  return /^[1-9]\d{0,7}$/.test(text) ? Number(text) : undefined;
}

/**
 * Says on standard error, and to systemd, what the console is doing: the first time that is being ready. A helper
 * process does the telling, which systemd believes because nothing but ours runs in the unit.
 */
function tellStatus(status: string): void {
  process.stderr.write(`viscript serial: ${status}\n`);
  if (process.env.NOTIFY_SOCKET === undefined) return;
  notify({ ready: true, status }).catch((error) => {
    process.stderr.write(`viscript serial: systemd was not told: ${String(error).trim()}\n`);
  });
}
