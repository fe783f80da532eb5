import { once } from 'node:events';
import { createWriteStream, openSync, type WriteStream } from 'node:fs';
import { ReadStream as TtyReadStream } from 'node:tty';
import type { SerialPort } from 'serialport';
import { openPort } from '../../../../services/viscript/serial/port.ts';
import { History } from '../../../../services/viscript/terminal/history.ts';
import {
  Terminal,
  type TerminalEnd,
  type TerminalOptions,
} from '../../../../services/viscript/terminal/terminal.ts';
import { PtyPair } from './pty.ts';
import { VirtualScreen } from './screen-of.ts';
import { TestHost } from './test-host.ts';
import { Transcript } from './transcript.ts';

/** A terminal of ours on one end of a real pseudo terminal, and the person's hands and eyes on the other. */
export class Session implements AsyncDisposable {
  readonly host = new TestHost();
  readonly transcript = new Transcript();
  readonly terminal: Terminal;
  readonly ended: Promise<TerminalEnd>;
  readonly pair: PtyPair;
  readonly #input: TtyReadStream;
  /** Not a tty stream: its writes would stop this process, in which the reader lives too. */
  readonly #output: WriteStream;
  readonly #far: SerialPort;
  readonly #columns: number;

  private constructor(pair: PtyPair, far: SerialPort, history: History, options: Partial<TerminalOptions>) {
    this.pair = pair;
    this.#far = far;
    this.#columns = options.columns?.() ?? 80;
    this.#input = new TtyReadStream(openSync(pair.near, 'r+'));
    this.#output = createWriteStream(pair.near);
    far.on('data', this.transcript.add);
    this.terminal = new Terminal({
      input: this.#input,
      output: this.#output,
      host: this.host,
      history,
      color: false,
      terminal: true,
      columns: () => this.#columns,
      ...options,
    });
    this.ended = this.terminal.run();
  }

  static async open(options: Partial<TerminalOptions> = {}): Promise<Session> {
    const pair = await PtyPair.open();
    const far = await openPort({ path: pair.far, baudRate: 115_200 });
    const session = new Session(pair, far, options.history ?? (await History.open(undefined)), options);
    await session.transcript.waitFor(/> $/);
    return session;
  }

  type(text: string | Uint8Array): void {
    this.#far.write(typeof text === 'string' ? text : Buffer.from(text));
  }

  /** Types a line and waits for the prompt after it. */
  async command(line: string): Promise<string> {
    this.type(`${line}\r`);
    await this.transcript.waitFor(/\r\n/);
    return this.transcript.waitFor(/> $/);
  }

  /** Resolves once all that was typed so far has been taken and shown: draws everything anew, then rings the bell. */
  async settle(): Promise<void> {
    this.type('\x0c');
    await this.transcript.waitFor(/\[2J/);
    this.type('\x1d');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the bell is one
    await this.transcript.waitFor(/\x07/);
  }

  /** What the person sees now. */
  async screen(): Promise<VirtualScreen> {
    const screen = new VirtualScreen(this.#columns);
    await screen.write(this.transcript.bytes);
    return screen;
  }

  /** The line goes away under the terminal. */
  async unplug(): Promise<void> {
    if (this.#far.isOpen) {
      const closed = once(this.#far, 'close');
      this.#far.close();
      await closed;
    }
    await this.pair.unplug();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.unplug();
    await this.pair.close();
    await this.ended;
    this.#input.destroy();
    this.#output.destroy();
  }
}
