import { StringDecoder } from 'node:string_decoder';
import type { SerialPort } from 'serialport';
import { openPort } from '../../services/viscript/serial/port.ts';

/** How much of what came is remembered. */
const MAX_TRANSCRIPT = 4 * 1024 * 1024;
/** How much of it an error shows. */
const TAIL = 600;

/** What was waited for on a line did not come. */
export class ConsoleError extends Error {
  override readonly name = 'ConsoleError';
}

/** One end of a serial line, 115200 8N1: a pty of QEMU or a real device. */
export class SerialConsole {
  readonly path: string;
  /** Resolves when the line is gone, or was closed from this side. */
  readonly closed: Promise<void>;
  readonly #port: SerialPort;
  readonly #decoder = new StringDecoder('utf8');
  readonly #listeners = new Set<(data: Buffer) => void>();
  #transcript = '';
  /** What no wait has consumed yet is the transcript's end from here on. */
  #read = 0;
  #check: (() => void) | undefined;

  private constructor(path: string, port: SerialPort) {
    this.path = path;
    this.#port = port;
    port.on('data', (data: Buffer) => this.#onData(data));
    this.closed = new Promise((resolve) => {
      port.once('close', () => resolve());
    });
    // What an error ends is told by `closed`, by the write that failed and by the wait in progress.
    port.on('error', () => this.#check?.());
    port.on('close', () => this.#check?.());
  }

  static async open(path: string): Promise<SerialConsole> {
    const port = await openPort({ path, baudRate: 115_200 });
    return new SerialConsole(path, port);
  }

  /** All that came since the line was opened; of more than 4 MiB, the end. */
  get transcript(): string {
    return this.#transcript;
  }

  /** Bytes that were written and have not gone down the line yet. */
  get queued(): number {
    return this.#port.writableLength;
  }

  /** Resolves when the line has taken everything. */
  write(data: string | Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      if (!this.#port.isOpen) {
        reject(new ConsoleError(`${this.path} is closed`));
        return;
      }
      this.#port.write(typeof data === 'string' ? data : Buffer.from(data), (error) =>
        error ? reject(error) : resolve(),
      );
    });
  }

  /** Hands on every piece that comes from now on; returns a function that stops it. */
  listen(listener: (data: Buffer) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /**
   * Waits for text that comes, or came since the last wait, and consumes it and what was before it.
   *
   * @returns what was consumed
   * @throws ConsoleError with the last text on the line, when time is over or the line is gone
   */
  waitFor(pattern: RegExp, { timeoutMs }: { timeoutMs: number }): Promise<string> {
    if (this.#check !== undefined) return Promise.reject(new ConsoleError('two waits at once on one line'));
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void) => {
        clearTimeout(timer);
        this.#check = undefined;
        settle();
      };
      const fail = (why: string) =>
        finish(() =>
          reject(new ConsoleError(`${this.path}: ${why} ${pattern}; it ends in\n${this.#tail()}`)),
        );
      const check = () => {
        const text = this.#consume(pattern);
        if (text !== undefined) finish(() => resolve(text));
        else if (!this.#port.isOpen) fail('the line was closed before');
      };
      const timer = setTimeout(() => fail(`in ${timeoutMs / 1000} s there was no`), timeoutMs);
      this.#check = check;
      check();
    });
  }

  /** Leaves out what came so far: no wait sees it any more. */
  skip(): void {
    this.#read = this.#transcript.length;
  }

  async close(): Promise<void> {
    if (this.#port.isOpen) this.#port.close();
    await this.closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #onData(data: Buffer): void {
    this.#transcript += this.#decoder.write(data);
    const excess = this.#transcript.length - MAX_TRANSCRIPT;
    if (excess > 0) {
      this.#transcript = this.#transcript.slice(excess);
      this.#read = Math.max(0, this.#read - excess);
    }
    for (const listener of this.#listeners) listener(data);
    this.#check?.();
  }

  #consume(pattern: RegExp): string | undefined {
    const unread = this.#transcript.slice(this.#read);
    const match = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, '')).exec(unread);
    if (match === null) return undefined;
    const length = match.index + match[0].length;
    this.#read += length;
    return unread.slice(0, length);
  }

  #tail(): string {
    return JSON.stringify(this.#transcript.slice(-TAIL));
  }
}
