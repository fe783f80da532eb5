import { spawn } from 'node:child_process';
import { createWriteStream, type WriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { finished } from 'node:stream/promises';

/** How many last lines of output an error carries. */
const TAIL_LINES = 20;
/** A command that prints more than this on its standard output should write to a file. */
const MAX_STDOUT = 64 * 1024 * 1024;

export interface RunOptions {
  /** File to which the command line and all output are appended. */
  log?: string;
  cwd?: string;
  /** Laid over this process's environment; `undefined` removes a variable. */
  env?: NodeJS.ProcessEnv;
  /** Written to standard input, which is empty otherwise. */
  input?: string | Uint8Array;
  /** Aborting ends the command with SIGTERM. */
  signal?: AbortSignal;
  /** Told each complete line of standard output as it comes. */
  onLine?: (line: string) => void;
}

/** A command that could not be started, exited with another status than 0, or died of a signal. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly command: string;
  readonly args: readonly string[];
  /** Exit status; null when the command was not found or died of a signal. */
  readonly status: number | null;
  /** The last lines it printed, standard error and output as they came. */
  readonly tail: readonly string[];

  constructor(
    command: string,
    args: readonly string[],
    why: string,
    status: number | null,
    tail: readonly string[],
    options?: ErrorOptions,
  ) {
    super(`${command} ${why}${tail.length > 0 ? `\n${tail.join('\n')}` : ''}`, options);
    this.command = command;
    this.args = args;
    this.status = status;
    this.tail = tail;
  }
}

/**
 * Runs one command to its end, without a shell, and returns what it printed on standard output.
 * Messages come in English and unsorted by locale (LC_ALL=C.UTF-8), and the folders of system tools
 * (`/usr/sbin`) are searched for users who do not have them in PATH.
 *
 * @throws CommandError
 */
export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<{ stdout: string }> {
  const log = options.log === undefined ? undefined : createWriteStream(options.log, { flags: 'a' });
  try {
    log?.write(`$ ${[command, ...args].join(' ')}\n`);
    return await collect(command, args, options, log);
  } finally {
    if (log !== undefined) {
      log.end();
      await finished(log);
    }
  }
}

function collect(
  command: string,
  args: readonly string[],
  options: RunOptions,
  log: WriteStream | undefined,
): Promise<{ stdout: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      env: environment(options.env),
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const tail = new Tail();
    const { onLine } = options;
    if (onLine !== undefined) createInterface({ input: child.stdout }).on('line', onLine);
    const stdout: Buffer[] = [];
    let bytes = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MAX_STDOUT) child.kill('SIGTERM');
      else stdout.push(chunk);
      tail.add(chunk);
      log?.write(chunk);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      tail.add(chunk);
      log?.write(chunk);
    });
    // A command may end without reading its input; its exit status tells whether that was an error.
    child.stdin.on('error', (error) => log?.write(`standard input: ${error.message}\n`));
    child.stdin.end(options.input);

    child.on('error', (error: NodeJS.ErrnoException) => {
      const why =
        error.code === 'ENOENT' ? 'was not found (or its working folder)' : `failed: ${error.message}`;
      reject(new CommandError(command, args, why, null, tail.lines(), { cause: error }));
    });
    child.on('close', (status, signal) => {
      if (status === 0) resolve({ stdout: Buffer.concat(stdout).toString() });
      else if (bytes > MAX_STDOUT) reject(new CommandError(command, args, 'printed too much', status, []));
      else {
        const why = signal === null ? `exited with status ${status}` : `died of ${signal}`;
        reject(new CommandError(command, args, why, status, tail.lines()));
      }
    });
  });
}

function environment(extra: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const path = `${process.env.PATH ?? '/usr/bin:/bin'}:/usr/sbin:/sbin`;
  return { ...process.env, PATH: path, LC_ALL: 'C.UTF-8', ...extra };
}

/** The end of a stream of text, bounded however much comes. */
class Tail {
  #text = '';

  add(chunk: Buffer): void {
    this.#text = (this.#text + chunk.toString()).slice(-16_384);
  }

  lines(): string[] {
    return this.#text
      .split(/\r\n|\n|\r/)
      .filter((line) => line.trim() !== '')
      .slice(-TAIL_LINES);
  }
}
