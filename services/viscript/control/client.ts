import { createConnection } from 'node:net';
import { Peer } from '../../signal/jsonrpc.ts';
import { channelOfSocket } from '../../signal/lines.ts';
import {
  answerTimeoutMs,
  type Completion,
  exitStatus,
  type Hello,
  type OutputStreamName,
  shapes,
} from './protocol.ts';
import { ReceivedBytes } from './received-bytes.ts';

/** Nobody listens on the control socket. */
export class NoSupervisor extends Error {
  override readonly name = 'NoSupervisor';
  readonly path: string;
  constructor(path: string, cause: Error) {
    super(`no supervisor answers on ${path} (${cause.message}); start one with: viscript --headless`, {
      cause,
    });
    this.path = path;
  }
}

export interface RunOptions {
  argv: string[];
  json: boolean;
  /** Width of the terminal in columns; 0 where there is none. */
  columns: number;
  color: boolean;
  /** What the person types while the command runs; read only when the command reads it. */
  input?: AsyncIterable<string>;
  /** Takes what is no text and is for no file; such a command fails where it is left out. */
  onBytes?: (data: Buffer) => void;
}

interface Run {
  onOutput: OnOutput;
  onBytes: (file: string, data: Buffer) => void;
  input: AsyncIterable<string> | undefined;
}

export type OnOutput = (stream: OutputStreamName, text: string) => void;

/** A front end's connection to the running supervisor. One owner, who closes it. */
export class ControlClient {
  readonly closed: Promise<string>;
  readonly #peer: Peer;
  readonly #runs = new Map<number, Run>();
  #lastRun = 0;

  /** @throws {NoSupervisor} when nobody listens on the Unix socket `path`. */
  static connect(path: string): Promise<ControlClient> {
    return new Promise((resolve, reject) => {
      const socket = createConnection(path);
      socket.once('error', (error) => reject(new NoSupervisor(path, error)));
      socket.once('connect', () => {
        socket.removeAllListeners('error');
        resolve(new ControlClient(new Peer(channelOfSocket(socket), { timeoutMs: answerTimeoutMs })));
      });
    });
  }

  private constructor(peer: Peer) {
    this.#peer = peer;
    this.closed = peer.closed;
    peer.handle('command.output', shapes.output, ({ run, stream, text }) => {
      this.#runs.get(run)?.onOutput(stream, text);
    });
    peer.handle('command.bytes', shapes.bytes, ({ run, file, data }) => {
      this.#runs.get(run)?.onBytes(file, Buffer.from(data, 'base64'));
    });
    peer.handle('command.reads', shapes.runOnly, ({ run }) => {
      const input = this.#runs.get(run)?.input;
      if (input) void this.#forwardInput(run, input);
    });
  }

  hello(): Promise<Hello> {
    return this.#peer.call('control.hello', {}, shapes.hello);
  }

  complete(words: string[], word: string): Promise<Completion> {
    return this.#peer.call('command.complete', { words, word }, shapes.completion);
  }

  /**
   * Runs one command to its end; aborting `signal` cancels it there.
   * @returns the command's exit status
   * @throws when the connection is lost before the command's end
   */
  async run(options: RunOptions, onOutput: OnOutput, signal: AbortSignal): Promise<number> {
    if (signal.aborted) return exitStatus.failed;
    const run = ++this.#lastRun;
    const { argv, json, columns, color, input, onBytes: toStdout } = options;
    const received = new ReceivedBytes(argv, toStdout);
    let problem: unknown;
    const cancel = () => this.#peer.notify('command.cancel', { run });
    signal.addEventListener('abort', cancel, { once: true });
    const onBytes = (file: string, data: Buffer) => {
      if (problem !== undefined) return;
      try {
        received.add(file, data);
      } catch (error) {
        problem = error;
        cancel();
      }
    };
    this.#runs.set(run, { onOutput, onBytes, input });
    try {
      const params = { run, argv, json, columns, color };
      const { status } = await this.#peer.call('command.run', params, shapes.status, { timeoutMs: null });
      if (problem !== undefined) throw problem;
      return status;
    } finally {
      signal.removeEventListener('abort', cancel);
      this.#runs.delete(run);
      received.close();
    }
  }

  close(): void {
    this.#peer.close('the front end is done');
  }

  async #forwardInput(run: number, input: AsyncIterable<string>): Promise<void> {
    for await (const data of input) {
      if (!this.#runs.has(run)) return;
      this.#peer.notify('command.input', { run, data });
    }
    if (this.#runs.has(run)) this.#peer.notify('command.typed', { run });
  }
}
