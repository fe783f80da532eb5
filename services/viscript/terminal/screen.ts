import type { Frame, LineView } from './line-view.ts';
import type { OutputQueue } from './output-queue.ts';
import { textWidth } from './width.ts';

/** The line being edited; its prompt may change while it is shown. */
export type EditedLine = Omit<Frame, 'prompt'> & { prompt: () => string };

export interface ScreenOptions {
  /** The terminal knows no escape sequences. */
  dumb: boolean;
  /** Line ends need a carriage return from us: nobody adds it on a serial line, as the driver of a tty does. */
  returns: boolean;
}

/**
 * One owner of everything that is written to a terminal, so that output of commands, notices and the line being
 * edited never run into each other: text appears above the edited line, which is then drawn again.
 */
export class Screen {
  readonly #output: OutputQueue;
  readonly #view: LineView;
  readonly #dumb: boolean;
  readonly #lineEnd: string;
  #line: EditedLine | undefined;
  #tail = '';
  #bell = false;

  constructor(output: OutputQueue, view: LineView, options: ScreenOptions) {
    this.#output = output;
    this.#view = view;
    this.#dumb = options.dumb;
    this.#lineEnd = options.returns ? '\r\n' : '\n';
  }

  /** The end of the output so far that has no newline yet, such as a question of the running program. */
  get tail(): string {
    return this.#tail;
  }

  /** Output of a command. Resolves when the line can take more. */
  print(text: string): Promise<void> {
    if (text === '') return this.#output.ready();
    const all = this.#tail + text;
    const end = Math.max(all.lastIndexOf('\n'), all.lastIndexOf('\r')) + 1;
    const written = this.#line === undefined ? text : this.#view.erase() + all.slice(0, end);
    this.#tail = all.slice(end).slice(-MAX_TAIL);
    return this.#write(written + (this.#line === undefined ? '' : this.#view.draw(frameOf(this.#line))));
  }

  /** A message of ours on lines of its own. */
  notice(text: string): Promise<void> {
    const tail = this.#line === undefined ? '' : this.#tail;
    if (this.#line === undefined) this.freshLine();
    else this.#tail = '';
    const printed = this.print(text.endsWith('\n') ? text : `${text}\n`);
    return tail === '' ? printed : this.print(tail);
  }

  /** Begins a new line unless the cursor is at the beginning of one. */
  freshLine(): void {
    // Colours and a cleared screen leave a tail that takes no room.
    if (textWidth(this.#tail) > 0) void this.#write('\n');
    this.#tail = '';
  }

  /** Shows the line being edited, or what has changed of it. */
  draw(line: EditedLine): Promise<void> {
    const begin = this.#line === undefined && this.#tail !== '' ? '\r' : '';
    this.#line = line;
    const bell = this.#bell ? BELL : '';
    this.#bell = false;
    return this.#write(begin + bell + this.#view.draw(frameOf(line)));
  }

  /** The next drawing rings the bell: so a flood of bad bytes rings once. */
  ring(): void {
    this.#bell = true;
  }

  /** Leaves the edited line as it stands, with `suffix` after it, and begins a new one. */
  endLine(line: EditedLine, suffix = ''): Promise<void> {
    const text = this.#view.draw({ ...frameOf(line), left: line.left + line.right, right: '' });
    this.#view.forget();
    this.#line = undefined;
    this.#tail = '';
    this.#bell = false;
    return this.#write(`${text}${suffix}\n`);
  }

  /** Takes the edited line off the screen; what was printed stays. */
  hide(): void {
    if (this.#line === undefined) return;
    this.#line = undefined;
    void this.#write(this.#view.erase() + this.#tail);
  }

  /** Clears the screen; where the terminal knows no escape sequences, just draws the line again. */
  clear(line: EditedLine): Promise<void> {
    this.#view.forget();
    void this.#write(this.#dumb ? '\n' : '\x1b[H\x1b[2J');
    // Whoever sees this may have come to the line after the terminal was asked.
    this.markPastes(true);
    return this.draw(line);
  }

  /** Draws everything of the line again, after the width has changed. */
  redraw(): void {
    if (this.#line !== undefined) void this.#write(this.#view.erase() + this.#view.draw(frameOf(this.#line)));
  }

  /** Asks the terminal to mark what is pasted, or no longer. */
  markPastes(on: boolean): void {
    if (!this.#dumb) void this.#write(on ? '\x1b[?2004h' : '\x1b[?2004l');
  }

  /** Throws away output that waits for a slow line. */
  discard(): void {
    this.#output.discard();
  }

  #write(text: string): Promise<void> {
    return this.#output.write(text.replace(/\r?\n/g, this.#lineEnd));
  }
}

const BELL = '\x07';
const MAX_TAIL = 4096;

function frameOf(line: EditedLine): Frame {
  return { ...line, prompt: line.prompt() };
}
