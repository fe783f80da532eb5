import type { Readable, Writable } from 'node:stream';
import { ImageError } from '../../../image/error.ts';
import { TerminalModes } from '../../../image/terminal/modes.ts';
import { borrowTerminal } from '../../../image/terminal/raw.ts';
import type { Board } from '../board.ts';
import type { ViewModes } from './display.ts';
import { noticeLine } from './display.ts';
import { HexInput } from './hex.ts';
import { KeyReader } from './keys.ts';
import { overview } from './overview.ts';
import { withoutQuestions } from './questions.ts';

/** What may wait for a board before more is read from the keyboard, in bytes: a very long paste. */
const MAX_QUEUED = 8 * 1024 * 1024;
const DEFAULT_COLUMNS = 80;
/** A line that ends where the cursor stands is shown again when it is no longer than this, in bytes. */
const MAX_PROMPT = 1024;

export interface TerminalOptions {
  /** At least one. */
  boards: readonly Board[];
  modes: ViewModes;
  /** Changes what goes to a board. */
  mapInput: (bytes: Buffer) => Buffer;
  input: Readable;
  output: Writable & { columns?: number };
}

/**
 * Several boards on one terminal: what is typed goes to the one that is shown, Ctrl-C too, and Ctrl-] begins a command.
 * The others go on, and what they say is shown when they are switched to.
 */
export class ConsoleTerminal {
  readonly #options: TerminalOptions;
  readonly #terminal = new TerminalModes();
  readonly #keys = new KeyReader();
  #hexInput = new HexInput();
  readonly #left = Promise.withResolvers<void>();
  /** Up to where each board was seen, in its history. */
  readonly #seen = new Map<Board, number>();
  #shown: Board;
  #over = false;

  constructor(options: TerminalOptions) {
    this.#options = options;
    const [first] = options.boards;
    if (first === undefined) throw new TypeError('a terminal without boards');
    this.#shown = first;
  }

  /** Serves until somebody leaves, the input ends, or the signal is aborted. The terminal is as it was then. */
  async run(signal: AbortSignal): Promise<void> {
    const { boards, input, output } = this.#options;
    const restore = borrowTerminal(input, output, this.#terminal);
    const onInput = (data: Buffer) => this.#type(data);
    const leave = () => this.#left.resolve();
    const fail = (error: Error) => this.#left.reject(error);
    const failToShow = (cause: Error) =>
      fail(new ImageError(`the terminal takes nothing any more: ${cause.message}`, { cause }));
    for (const board of boards) board.onShow = (bytes) => this.#onShow(board, bytes);
    signal.addEventListener('abort', leave, { once: true });
    input.on('data', onInput).once('end', leave).once('error', fail);
    // It stays: what is said last may meet the error, too.
    output.on('error', failToShow);
    try {
      this.#show(this.#shown);
      this.#say('ctrl-] ? shows the keys, ctrl-] q leaves');
      input.resume();
      if (signal.aborted) leave();
      await this.#left.promise;
    } finally {
      this.#over = true;
      signal.removeEventListener('abort', leave);
      input.off('data', onInput).off('end', leave).off('error', fail);
      input.pause();
      for (const board of boards) board.onShow = undefined;
      restore();
      output.write('\r\n');
    }
  }

  #onShow(board: Board, bytes: Buffer): void {
    if (board !== this.#shown) return;
    this.#seen.set(board, board.history.end);
    this.#write(bytes);
  }

  #write(bytes: Buffer): void {
    this.#terminal.see(bytes);
    this.#options.output.write(bytes);
  }

  /** Says something of this program's, and shows again the line in which the board's cursor stands. */
  #say(...lines: string[]): void {
    const { modes } = this.#options;
    this.#interject(lines.map((line) => noticeLine(line, modes.color)));
  }

  #interject(lines: readonly string[]): void {
    this.#options.output.write(`\r\n${lines.map((line) => `${line}\r\n`).join('')}`);
    const { history } = this.#shown;
    const { bytes } = history.from(history.lastLine);
    // A full-screen program has no lines.
    if (bytes.length <= MAX_PROMPT) this.#write(withoutQuestions(bytes));
  }

  #type(data: Buffer): void {
    for (const typed of this.#keys.read(data)) {
      if (typed.kind === 'bytes') this.#send(typed.bytes);
      else this.#command(typed.key);
    }
  }

  #send(typed: Buffer): void {
    const { modes, mapInput, input } = this.#options;
    const board = this.#shown;
    const bytes = modes.hex ? this.#hexInput.apply(typed) : mapInput(typed);
    if (bytes.length === 0) return;
    if (!board.line.send(Buffer.from(bytes))) {
      this.#write(Buffer.from('\x07'));
      return;
    }
    if (modes.echo) board.echo(bytes);
    if (board.line.queued <= MAX_QUEUED || input.isPaused()) return;
    this.#say(`${board.label} takes nothing: typing waits`);
    input.pause();
    void board.line.atMost(MAX_QUEUED / 2).then(() => {
      if (!this.#over) input.resume();
    });
  }

  #command(key: string): void {
    const { boards } = this.#options;
    const number = Number(key);
    if (key >= '1' && key <= '9') this.#switch(boards[number - 1], `there is no board ${number}`);
    else if (Object.hasOwn(COMMANDS, key)) COMMANDS[key]?.does(this);
    else this.#say('no such key; ctrl-] ? shows the keys');
  }

  #switch(board: Board | undefined, otherwise: string): void {
    if (board === undefined) this.#say(otherwise);
    else this.#show(board);
  }

  /** Says whom one talks to, and shows what it said since it was last seen, or the line in which its cursor stands. */
  #show(board: Board): void {
    const { boards, output, modes } = this.#options;
    // What one board has set in the terminal is not for the next one.
    if (board !== this.#shown) output.write(this.#terminal.reset());
    this.#shown = board;
    this.#hexInput = new HexInput();
    const { history, line, label, place } = board;
    const from = Math.min(this.#seen.get(board) ?? 0, history.lastLine);
    const { bytes, missing } = history.from(from);
    const number = boards.length > 1 ? ` (${boards.indexOf(board) + 1} of ${boards.length})` : '';
    const where = label === place ? '' : ` at ${place}`;
    const state = line.state.kind === 'connected' ? line.state.device : line.state.reason;
    const talking = `talking to ${label}${number}${where}: ${state}`;
    const lost = missing === 0 ? [] : [`${missing} bytes that came before this are no longer kept here`];
    const lines = [talking, ...lost].map((line) => `${noticeLine(line, modes.color)}\r\n`);
    output.write(`\r\n${lines.join('')}`);
    this.#seen.set(board, history.end);
    this.#write(withoutQuestions(bytes));
  }

  /** By a number of boards, round. */
  step(by: number): void {
    const { boards } = this.#options;
    const next = (boards.indexOf(this.#shown) + by + boards.length) % boards.length;
    this.#switch(boards[next], 'there is no other board');
  }

  list(): void {
    const { boards, output } = this.#options;
    const lines = overview(boards, this.#shown, output.columns ?? DEFAULT_COLUMNS);
    this.#interject(lines);
  }

  help(): void {
    const rows = Object.entries(COMMANDS).map(([key, { text }]) => `  ctrl-] ${key}       ${text}`);
    this.#interject([
      ...rows,
      '  ctrl-] 1…9     talks to that board',
      '  ctrl-] ctrl-]  sends ctrl-] itself',
    ]);
  }

  sendBreak(): void {
    const board = this.#shown;
    const failed = (error: unknown) => {
      if (!(error instanceof ImageError)) throw error;
      return error.message;
    };
    void board.line
      .sendBreak()
      .then(() => 'break sent', failed)
      .then((text) => board.notice(text));
  }

  drop(): void {
    this.#say(`${this.#shown.line.drop()} bytes that waited for ${this.#shown.label} are thrown away`);
  }

  toggle(mode: 'stamps' | 'hex' | 'echo', name: string): void {
    const { modes } = this.#options;
    modes[mode] = !modes[mode];
    this.#say(`${name}: ${modes[mode] ? 'on' : 'off'}`);
  }

  leave(): void {
    this.#left.resolve();
  }
}

/** What follows Ctrl-]. */
const COMMANDS: Readonly<Record<string, { text: string; does: (terminal: ConsoleTerminal) => void }>> = {
  '?': { text: 'shows these keys', does: (terminal) => terminal.help() },
  l: { text: 'lists the boards: state, bytes, last line', does: (terminal) => terminal.list() },
  n: { text: 'talks to the next board', does: (terminal) => terminal.step(1) },
  p: { text: 'talks to the previous board', does: (terminal) => terminal.step(-1) },
  b: { text: 'sends a break', does: (terminal) => terminal.sendBreak() },
  t: { text: 'times before lines, on and off', does: (terminal) => terminal.toggle('stamps', 'times') },
  e: { text: 'local echo, on and off', does: (terminal) => terminal.toggle('echo', 'local echo') },
  h: { text: 'hexadecimal, on and off', does: (terminal) => terminal.toggle('hex', 'hexadecimal') },
  F: { text: 'throws away what waits to be sent', does: (terminal) => terminal.drop() },
  q: { text: 'leaves', does: (terminal) => terminal.leave() },
};
