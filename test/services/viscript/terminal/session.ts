import { createReadStream, createWriteStream, openSync, type ReadStream, type WriteStream } from 'node:fs';
import { ReadStream as TtyReadStream, WriteStream as TtyWriteStream } from 'node:tty';
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
  readonly #tty: { input: TtyReadStream; output: TtyWriteStream };
  readonly #read: ReadStream;
  readonly #write: WriteStream;
  readonly #columns: number;

  private constructor(pair: PtyPair, history: History, options: Partial<TerminalOptions>) {
    this.pair = pair;
    this.#columns = options.columns?.() ?? 80;
    this.#tty = {
      input: new TtyReadStream(openSync(pair.near, 'r+')),
      output: new TtyWriteStream(openSync(pair.near, 'r+')),
    };
    this.#read = createReadStream(pair.far);
    this.#read.on('data', (chunk) => this.transcript.add(Buffer.from(chunk)));
    // The pair vanishes at the end, and with it this end of the line.
    this.#read.on('error', () => this.#read.destroy());
    this.#write = createWriteStream(pair.far);
    this.terminal = new Terminal({
      ...this.#tty,
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
    const session = new Session(pair, options.history ?? (await History.open(undefined)), options);
    await session.transcript.waitFor(/> $/);
    return session;
  }

  type(text: string | Uint8Array): void {
    this.#write.write(text);
  }

  /** Types a line and waits for the prompt after it. */
  async command(line: string): Promise<string> {
    this.type(`${line}\r`);
    await this.transcript.waitFor(/\r\n/);
    return this.transcript.waitFor(/> $/);
  }

  /** Resolves once all that was typed so far has been taken and shown. */
  async settle(): Promise<void> {
    this.terminal.notice('-- settled --');
    await this.transcript.waitFor(/-- settled --\r\n/);
  }

  /** What the person sees now. */
  async screen(): Promise<VirtualScreen> {
    const screen = new VirtualScreen(this.#columns);
    await screen.write(this.transcript.bytes);
    return screen;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pair.close();
    await this.ended;
    this.#tty.input.destroy();
    this.#tty.output.destroy();
    this.#read.destroy();
    this.#write.destroy();
  }
}
