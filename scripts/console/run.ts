import type { Readable, Writable } from 'node:stream';
import { ReadStream } from 'node:tty';
import { ImageError } from '../../image/error.ts';
import { UsageError } from '../../services/program/usage.ts';
import { Board } from './board.ts';
import type { Patience } from './line/kept-line.ts';
import type { LineSettings } from './line/settings.ts';
import type { Rotation } from './log/files.ts';
import type { Names } from './names-file.ts';
import { pipe } from './pipe.ts';
import type { Roots } from './ports/adapters.ts';
import { allPorts, type Port, portsOf } from './ports/port.ts';
import type { ViewModes } from './view/display.ts';
import { ConsoleTerminal } from './view/terminal.ts';
import { socketFolder, socketPath } from './watch/sockets.ts';
import { watch } from './watch/watch.ts';

/** What a console has to do with its surroundings. */
export interface Surroundings {
  /** A terminal, or something that is sent to the one board. */
  input: Readable;
  output: Writable & { columns?: number };
  /** Gets what this program says where the output is the board's. */
  messages: Writable;
  environment: NodeJS.ProcessEnv;
  roots: Roots;
  signal: AbortSignal;
}

export interface ConsoleOptions {
  names: Names;
  settings: LineSettings;
  modes: ViewModes;
  /** Changes what goes to a board. */
  mapInput: (bytes: Buffer) => Buffer;
  log?: { folder: string; rotation: Rotation };
  /** Whether a port that is not there, or goes away, is waited for. */
  reconnect: boolean;
  /** How long a board has to be quiet after the end of a piped input, in milliseconds. */
  quietMs: number;
}

/** Ports at once. */
const MAX_BOARDS = 32;

/**
 * Opens the ports that words mean, or all there are, and serves them until somebody leaves.
 *
 * @throws {UsageError} for a piped input and not exactly one port
 * @throws {ImageError} when a port cannot be had, or a line was lost that was not to be waited for
 */
export async function runConsole(
  words: readonly string[],
  options: ConsoleOptions,
  surroundings: Surroundings,
): Promise<void> {
  const { roots, environment, input, signal } = surroundings;
  const ports =
    words.length > 0 ? await portsOf(words, options.names, roots) : await allPorts(options.names, roots);
  const isPiped = !(input instanceof ReadStream);
  if (isPiped && ports.length !== 1)
    throw new UsageError(
      `an input that is no terminal goes to one port, and here are ${ports.length}: name one`,
    );
  if (ports.length === 0) {
    throw new ImageError(
      'No USB serial adapter is plugged in, and no port has a name: plug one in, or name a port such as /dev/ttyS0.',
    );
  }
  if (ports.length > MAX_BOARDS) throw new ImageError(`${ports.length} ports are more than ${MAX_BOARDS}.`);
  const folder = socketFolder(environment);
  const patience = patienceFor(ports, options);
  await using stack = new AsyncDisposableStack();
  const boards: Board[] = [];
  for (const port of ports)
    boards.push(stack.adopt(await open(port, folder, patience, options), (board) => board.close()));

  const end = new AbortController();
  const leave = () => end.abort();
  signal.addEventListener('abort', leave, { once: true });
  stack.defer(() => signal.removeEventListener('abort', leave));
  // It may have come while the ports were looked for.
  if (signal.aborted) leave();
  // Those who serve are given ears before the first line can say something.
  const served = serve(boards, isPiped, options, surroundings, end.signal);
  const lines = boards.map((board) => board.line.run(end.signal));
  try {
    await Promise.race([served, Promise.all(lines).then(() => served)]);
  } finally {
    end.abort();
    await Promise.allSettled([served, ...lines]);
  }
  if (signal.aborted) throw new ImageError('interrupted');
}

/** Looks on at a board that another console has. */
export async function watchConsole(
  word: string,
  names: Names,
  { roots, environment, ...streams }: Surroundings,
): Promise<void> {
  const [port] = await portsOf([word], names, roots);
  if (port === undefined) return;
  await watch({ ...streams, label: port.label, path: socketPath(socketFolder(environment), port.place) });
}

function patienceFor(ports: readonly Port[], { reconnect }: ConsoleOptions): Patience {
  if (!reconnect) return 'none';
  return ports.length === 1 ? 'until-refused' : 'for-ever';
}

function open(port: Port, folder: string, patience: Patience, options: ConsoleOptions): Promise<Board> {
  const { settings, modes, log } = options;
  return Board.open({
    ...{ port, patience, modes, socket: socketPath(folder, port.place) },
    settings: { ...settings, baudRate: port.baud ?? settings.baudRate },
    ...(log === undefined ? {} : { log }),
  });
}

async function serve(
  boards: readonly Board[],
  isPiped: boolean,
  { modes, mapInput, quietMs }: ConsoleOptions,
  { input, output, messages }: Surroundings,
  signal: AbortSignal,
): Promise<void> {
  const [board] = boards;
  if (isPiped && board !== undefined)
    await pipe({ board, mapInput, input, output, messages, quietMs, signal });
  else await new ConsoleTerminal({ boards, modes, mapInput, input, output }).run(signal);
}
