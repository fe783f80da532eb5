import type { KeyQueue } from './key-queue.ts';
import type { LineEditor } from './line-editor.ts';
import type { Screen } from './screen.ts';
import type { TerminalHost } from './terminal.ts';

export interface RunningOptions {
  keys: KeyQueue;
  editor: LineEditor;
  screen: Screen;
  host: TerminalHost;
}

/**
 * One command on a terminal, from its start to the next prompt: gives it what is typed if it asks for input, lets
 * Ctrl-C end it, and leaves it behind on a second Ctrl-C or when the line has gone.
 */
export class Running {
  readonly #o: RunningOptions;
  readonly #cancel = new AbortController();
  readonly #over = new AbortController();
  readonly #abandoned = Promise.withResolvers<number>();
  #reading: Promise<string | undefined> | undefined;

  constructor(options: RunningOptions) {
    this.#o = options;
  }

  /** Resolves to the exit status: 1 when it failed without one, 130 when it was left behind. Never rejects. */
  async run(words: string[]): Promise<number | 'quit'> {
    const { keys, screen, host } = this.#o;
    keys.onInterrupt = () => this.#interrupt();
    keys.onClosed = () => this.hangUp();
    try {
      const out = (text: string) => screen.print(this.#over.signal.aborted ? '' : text);
      const run = host.run(words, out, this.#cancel.signal, this.#input());
      return await Promise.race([run, this.#abandoned.promise]);
    } catch (error) {
      await screen.notice(`error: ${error instanceof Error ? error.message : String(error)}`);
      return 1;
    } finally {
      this.#over.abort();
      await this.#reading;
      keys.onInterrupt = undefined;
      keys.onClosed = undefined;
    }
  }

  /** The line has gone: nobody sees the output any more. */
  hangUp(): void {
    this.#cancel.abort();
    this.#abandoned.resolve(LEFT_BEHIND);
  }

  #interrupt(): void {
    const { screen } = this.#o;
    screen.discard();
    void screen.print('^C\n');
    if (this.#cancel.signal.aborted) {
      void screen.notice('the command does not end; leaving it behind');
      this.#abandoned.resolve(LEFT_BEHIND);
    }
    this.#cancel.abort();
  }

  async *#input(): AsyncGenerator<string, void> {
    for (;;) {
      this.#reading = this.#readLine();
      const line = await this.#reading;
      if (line === undefined) return;
      yield line;
    }
  }

  /** A line for the command; undefined at its end: Ctrl-D, a lost line, or because the command is over. */
  async #readLine(): Promise<string | undefined> {
    const { editor, screen } = this.#o;
    if (this.#over.signal.aborted) return undefined;
    const result = await editor.readLine({
      prompt: () => screen.tail,
      commands: false,
      signal: this.#over.signal,
    });
    if (result.kind === 'too-long') {
      await screen.notice('error: the line is too long: not sent');
      return this.#readLine();
    }
    return result.kind === 'line' ? `${result.text}\n` : undefined;
  }
}

/** What shells report for a command ended by Ctrl-C. */
const LEFT_BEHIND = 130;
