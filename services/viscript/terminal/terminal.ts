import type { ReadStream } from 'node:tty';
import type { History } from './history.ts';
import { KeyQueue } from './key-queue.ts';
import { LineEditor } from './line-editor.ts';
import { LineView } from './line-view.ts';
import { OutputQueue } from './output-queue.ts';
import { PlainLines, tooLong } from './plain-lines.ts';
import { Running } from './running.ts';
import { Screen } from './screen.ts';
import { splitWords, WordsError } from './words.ts';

/** What a terminal is a terminal of. */
export interface TerminalHost {
  /**
   * Runs one line; resolves to its exit status, or to `quit` when the person wants to leave. Aborting the signal is
   * Ctrl-C.
   *
   * @param out takes output; resolves when the line can take more, so a host that can hold its source back should
   *   await it: what a slow line cannot take is left out in the end
   * @param input lines typed for this command, each with its newline. Ask it for a line only if the command reads
   *   input: as long as nobody asks, lines typed ahead are kept for the prompt
   */
  run(
    words: string[],
    out: (text: string) => Promise<void>,
    signal: AbortSignal,
    input: AsyncIterable<string>,
  ): Promise<number | 'quit'>;
  /** What the word being typed may become, after the words before it. */
  complete(words: string[], word: string): Promise<{ values: string[]; files?: boolean }>;
  /** Asked for anew each time it is shown. */
  prompt(): string;
}

export interface TerminalOptions {
  input: NodeJS.ReadableStream;
  output: NodeJS.WritableStream;
  host: TerminalHost;
  history: History;
  /** Width of the terminal; by default the output's own, else 80. */
  columns?: () => number;
  color: boolean;
  /** False: plain lines in, output out, no editing. */
  terminal: boolean;
  /** A terminal that knows no escape sequences (TERM=dumb). */
  dumb?: boolean;
  greeting?: string;
  /** Longest line, default 1 MiB. */
  maxLine?: number;
}

/** How a terminal ended: end of input or Ctrl-D, the `quit` command, or the line went away. */
export type TerminalEnd = 'eof' | 'quit' | 'closed';

/** The one terminal of all front ends: a line editor, a renderer, and a host that runs what is typed. */
export class Terminal {
  readonly #o: TerminalOptions;
  readonly #maxLine: number;
  readonly #output: OutputQueue;
  readonly #screen: Screen;
  #status = 0;
  #closed = false;
  #onClosed: (() => void) | undefined;

  constructor(options: TerminalOptions) {
    this.#o = options;
    this.#maxLine = options.maxLine ?? 1024 * 1024;
    const dumb = options.dumb ?? false;
    const returns = (options.output as { isTTY?: boolean }).isTTY !== true;
    this.#output = new OutputQueue(options.output, options.terminal ? MAX_OUTPUT : Number.POSITIVE_INFINITY);
    this.#screen = new Screen(this.#output, new LineView(this.#columns, dumb), { dumb, returns });
  }

  /** Exit status of the last command: 2 for a line that could not be understood. */
  get status(): number {
    return this.#status;
  }

  /** Prints text above the line being edited, which is drawn again. */
  notice(text: string): void {
    if (this.#o.terminal) void this.#screen.notice(text);
    else void this.#output.write(`${text}\n`);
  }

  /** Runs until the person leaves or the line goes away. May be called once. */
  async run(): Promise<TerminalEnd> {
    const { input, output, terminal, greeting } = this.#o;
    const onClosed = () => {
      this.#closed = true;
      this.#onClosed?.();
    };
    output.on('error', onClosed);
    output.on('close', onClosed);
    input.on('error', onClosed);
    try {
      if (greeting !== undefined) this.notice(greeting);
      const end = terminal ? await this.#interactive() : await this.#plain();
      if (end !== 'closed') await this.#output.flush();
      return end;
    } finally {
      output.off('close', onClosed);
      for (const stream of [input, output]) {
        stream.off('error', onClosed);
        // A line that fails later, when nobody listens, must not end the process.
        if (stream.listenerCount('error') === 0) stream.on('error', ignore);
      }
      this.#output.close();
    }
  }

  readonly #columns = (): number => {
    const { columns, output } = this.#o;
    const width = columns?.() ?? (output as { columns?: number }).columns ?? DEFAULT_COLUMNS;
    return width > 0 ? width : DEFAULT_COLUMNS;
  };

  async #interactive(): Promise<TerminalEnd> {
    const { input, output, host, history } = this.#o;
    const setRaw = rawModeOf(input);
    const keys = new KeyQueue(input);
    const editor = new LineEditor({
      keys,
      screen: this.#screen,
      history,
      complete: (words, word) => host.complete(words, word),
      columns: this.#columns,
      maxLine: this.#maxLine,
    });
    const onResize = () => this.#screen.redraw();
    output.on('resize', onResize);
    setRaw(true);
    this.#screen.markPastes(true);
    try {
      return await this.#loop(keys, editor);
    } finally {
      this.#screen.markPastes(false);
      setRaw(false);
      output.off('resize', onResize);
      keys.close();
    }
  }

  async #loop(keys: KeyQueue, editor: LineEditor): Promise<TerminalEnd> {
    const screen = this.#screen;
    const leaving = new AbortController();
    this.#onClosed = () => leaving.abort();
    while (!this.#closed) {
      screen.freshLine();
      const result = await editor.readLine({
        prompt: () => this.#o.host.prompt(),
        commands: true,
        signal: leaving.signal,
      });
      if (result.kind === 'closed' || result.kind === 'stopped') return 'closed';
      if (result.kind === 'eof') return 'eof';
      if (result.kind === 'too-long') this.#refuse(tooLong(this.#maxLine));
      if (result.kind !== 'line') continue;

      const words = await this.#understand(result.text, true);
      if (words === undefined) continue;
      const running = new Running({ keys, editor, screen, host: this.#o.host });
      this.#onClosed = () => {
        leaving.abort();
        running.hangUp();
      };
      const status = await running.run(words);
      if (status === 'quit') return 'quit';
      this.#status = status;
    }
    return 'closed';
  }

  async #plain(): Promise<TerminalEnd> {
    const { host, input } = this.#o;
    const lines = new PlainLines(input, this.#maxLine);
    const abort = new AbortController();
    this.#onClosed = () => abort.abort();
    while (!this.#closed) {
      const line = await lines.take();
      if (line === undefined) return 'eof';
      if (line.kind === 'bad') this.#refuse(line.reason);
      const words = line.kind === 'line' ? await this.#understand(line.text, false) : undefined;
      if (words === undefined) continue;
      const over = Promise.withResolvers<undefined>();
      try {
        const out = (text: string) => this.#output.write(text);
        const status = await host.run(words, out, abort.signal, inputOf(lines, over.promise));
        if (status === 'quit') return 'quit';
        this.#status = status;
      } catch (error) {
        this.#fail(error);
      } finally {
        over.resolve(undefined);
      }
      await this.#output.ready();
    }
    return 'closed';
  }

  /** The words of a line, or undefined when there is nothing to run; says what is wrong with it. */
  async #understand(line: string, remember: boolean): Promise<string[] | undefined> {
    if (remember) await this.#o.history.add(line).catch((error) => this.notice(messageOf(error)));
    try {
      const words = splitWords(line);
      return words.length > 0 ? words : undefined;
    } catch (error) {
      if (!(error instanceof WordsError)) throw error;
      this.#refuse(error.message);
      return undefined;
    }
  }

  #refuse(reason: string): void {
    this.notice(`error: ${reason}`);
    this.#status = 2;
  }

  #fail(error: unknown): void {
    this.notice(`error: ${messageOf(error)}`);
    this.#status = 1;
  }
}

const ignore = () => undefined;
const DEFAULT_COLUMNS = 80;
/** Output (UTF-16 units) that may wait for a slow terminal. */
const MAX_OUTPUT = 4 * 1024 * 1024;

/** Sets the raw mode of a real terminal; other lines have none. */
function rawModeOf(input: NodeJS.ReadableStream): (raw: boolean) => void {
  const tty = input as Partial<ReadStream>;
  if (tty.isTTY !== true || tty.setRawMode === undefined) return () => undefined;
  return (raw) => {
    // A terminal that has hung up has no mode left to set.
    if (tty.destroyed !== true) tty.setRawMode?.(raw);
  };
}

/** The rest of the lines as input of a running command; what it does not take is run as commands. */
async function* inputOf(lines: PlainLines, over: Promise<undefined>): AsyncGenerator<string, void> {
  for (;;) {
    const line = await Promise.race([lines.peek(), over]);
    if (line?.kind !== 'line') return;
    await lines.take();
    yield `${line.text}\n`;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
