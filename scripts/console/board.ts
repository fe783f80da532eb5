import { harmless } from './harmless.ts';
import { KeptLine, type LineState, type Patience } from './line/kept-line.ts';
import { describeSettings, type LineSettings } from './line/settings.ts';
import { BoardLog, type BoardLogOptions } from './log/board-log.ts';
import { LineText } from './log/line-text.ts';
import type { Port } from './ports/port.ts';
import { Display, type ViewModes } from './view/display.ts';
import { History } from './view/history.ts';
import { WatchServer } from './watch/server.ts';

/** What of a board's output is kept to be shown later, in bytes. */
const KEPT = 256 * 1024;
/** What of it those who come to look on are shown first. */
const RECENT = 64 * 1024;

export interface BoardOptions {
  port: Port;
  settings: LineSettings;
  patience: Patience;
  modes: ViewModes;
  /** Where and how its log is kept; none when left out. */
  log?: Pick<BoardLogOptions, 'folder' | 'rotation'>;
  /** Path of the socket for those who look on. */
  socket: string;
}

/** One board on its line: what it said, who looks on, and its log. */
export class Board {
  /** What it is called; {@link harmless}. */
  readonly label: string;
  /** The socket or path of its port. */
  readonly place: string;
  readonly line: KeptLine;
  /** All that would have been shown, this program's notices in it. */
  readonly history = new History(KEPT);
  /** Told what is to be shown, as it comes, and whether it is the board's or a notice of this program's. */
  onShow: ((bytes: Buffer, whose: 'board' | 'notice') => void) | undefined;
  /** Told when the line comes and goes. */
  onState: ((state: LineState) => void) | undefined;
  /** Told what is wrong with the log, which is also shown. */
  onTrouble: ((text: string) => void) | undefined;
  #received = 0;
  readonly #text = new LineText();
  #lastLine = '';
  readonly #settings: string;
  readonly #display: Display;
  readonly #log: BoardLog | undefined;
  readonly #watchers: WatchServer;

  private constructor({ port, settings, patience, modes, log }: BoardOptions, watchers: WatchServer) {
    this.label = harmless(port.label);
    this.place = harmless(port.place);
    this.#watchers = watchers;
    this.#settings = describeSettings(settings);
    this.#display = new Display(modes);
    this.#log = log && new BoardLog({ ...log, label: port.label, onTrouble: (text) => this.#tell(text) });
    this.line = new KeptLine({
      ...{ port, settings, patience },
      onData: (bytes) => this.#receive(bytes),
      onState: (state) => this.#enter(state),
    });
  }

  /** @throws {ImageError} when another console has this board */
  static async open(options: BoardOptions): Promise<Board> {
    let board: Board | undefined;
    const watchers = await WatchServer.open({
      path: options.socket,
      label: options.port.label,
      recent: () => board?.recent ?? Buffer.alloc(0),
    });
    board = new Board(options, watchers);
    return board;
  }

  /** Bytes that came from it. */
  get received(): number {
    return this.#received;
  }

  /** How many look on. */
  get watchers(): number {
    return this.#watchers.count;
  }

  /** The last line that is not empty, {@link harmless}. */
  get lastLine(): string {
    const unfinished = this.#text.unfinished;
    return unfinished.trim() === '' ? this.#lastLine : unfinished;
  }

  /** Says something of this program's among what the board says. */
  notice(text: string): void {
    this.#show(this.#display.notice(`${this.label}: ${text}`), 'notice');
  }

  /** Shows what was typed, for boards that do not do so themselves. */
  echo(bytes: Buffer): void {
    this.#show(this.#display.echo(bytes), 'board');
  }

  async close(): Promise<void> {
    this.#log?.close();
    await this.#watchers.close();
  }

  /** The end of what was shown, from the beginning of a line. */
  private get recent(): Buffer {
    return this.history.from(Math.min(this.history.end - RECENT, this.history.lastLine)).bytes;
  }

  #receive(bytes: Buffer): void {
    this.#received += bytes.length;
    this.#log?.add(bytes);
    this.#lastLine = this.#text.add(bytes).findLast((line) => line.trim() !== '') ?? this.#lastLine;
    this.#show(this.#display.output(bytes), 'board');
  }

  #enter(state: LineState): void {
    const text =
      state.kind === 'connected' ? `connected to ${state.device}, ${this.#settings}` : state.reason;
    this.#log?.remark(text);
    this.notice(text);
    this.onState?.(state);
  }

  #tell(trouble: string): void {
    this.notice(trouble);
    this.onTrouble?.(trouble);
  }

  #show(bytes: Buffer, whose: 'board' | 'notice'): void {
    this.history.add(bytes);
    this.#watchers.send(bytes);
    this.onShow?.(bytes, whose);
  }
}
