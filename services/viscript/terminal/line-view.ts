import { type Cell, stripEscapes, textOf, textWidth, toCells, unitsOf, widthOf } from './width.ts';

/** What is to be seen: the prompt, and the line on both sides of the cursor. */
export interface Frame {
  prompt: string;
  left: string;
  right: string;
  /** UTF-16 units of the line before `left` that are not even given, so far away are they. */
  hidden?: number;
}

/**
 * Draws the line being edited in one row, scrolled sideways when it is longer (`<` and `>` mark what is hidden).
 * One row needs no knowledge of the terminal's height, no cursor addressing and no answer from it, costs at most one
 * row of bytes a key whatever the length of the line, and is whole again after one redraw when somebody else has
 * written over it. Writes nothing but text, CR, BS and, unless `dumb`, "erase to the end of the row".
 */
export class LineView {
  readonly #columns: () => number;
  readonly #dumb: boolean;
  #cells: Cell[] = [];
  /** The cell before which the terminal's cursor stands. */
  #at = 0;
  /** Where the visible part begins, an index into the text. */
  #anchor = 0;

  constructor(columns: () => number, dumb: boolean) {
    this.#columns = columns;
    this.#dumb = dumb;
  }

  /** What to write so that the frame is seen, given what this view has drawn before. */
  draw(frame: Frame): string {
    const { cells, cursor } = this.#layOut(frame);
    let same = 0;
    while (same < cells.length && cells[same]?.text === this.#cells[same]?.text) same += 1;
    if (same === cells.length && same === this.#cells.length) return this.#moveTo(cursor);

    let text = this.#moveTo(same);
    text += textOf(cells.slice(same));
    const stale = widthOf(this.#cells.slice(same)) - widthOf(cells.slice(same));
    if (stale > 0) text += this.#eraseRest(stale);
    this.#cells = cells;
    this.#at = cells.length;
    return text + this.#moveTo(cursor);
  }

  /** What to write so that the row is empty and the cursor at its beginning. */
  erase(): string {
    const drawn = widthOf(this.#cells);
    this.forget();
    return `\r${this.#eraseRest(drawn)}`;
  }

  /** The next drawing begins on an empty row. */
  forget(): void {
    this.#cells = [];
    this.#at = 0;
    this.#anchor = 0;
  }

  #layOut(frame: Frame): { cells: Cell[]; cursor: number } {
    // The last column stays free: terminals differ in what they do after it.
    const columns = Math.max(this.#columns(), MIN_COLUMNS) - 1;
    const prompt = fitPrompt(frame.prompt, columns - MIN_TEXT);
    const room = columns - prompt.width;
    const { left, right, hidden = 0 } = frame;

    this.#anchor = Math.min(this.#anchor, hidden + left.length);
    const short = hidden + left.length + right.length <= room * UNITS_A_COLUMN;
    const whole = short ? toCells(left + right) : undefined;
    if (whole !== undefined && widthOf(whole) <= room) {
      this.#anchor = 0;
      return { cells: [prompt, ...whole], cursor: 1 + toCells(left).length };
    }

    // Keeps what is seen in place until the cursor leaves it; then the cursor lands in the middle.
    let before = this.#visibleBefore(left, hidden, room - 2);
    if (before === undefined || (this.#anchor > 0 && before.length === 0)) {
      before = lastCells(left, Math.floor(room / 2));
      this.#anchor = hidden + left.length - unitsOf(before);
    }
    const head: Cell[] = this.#anchor > 0 ? [{ text: '<', width: 1, units: 0 }] : [];
    const taken = widthOf(head) + widthOf(before);
    const after = firstCells(right, room - taken);
    return { cells: [prompt, ...head, ...before, ...after], cursor: 1 + head.length + before.length };
  }

  /** The text from the anchor to the cursor when it fits, else undefined. */
  #visibleBefore(left: string, hidden: number, room: number): Cell[] | undefined {
    const start = this.#anchor - hidden;
    if (start < 0 || left.length - start > room * UNITS_A_COLUMN) return undefined;
    const cells = toCells(left.slice(start));
    return widthOf(cells) <= room ? cells : undefined;
  }

  #moveTo(cell: number): string {
    const from = this.#at;
    this.#at = cell;
    if (cell >= from) return textOf(this.#cells.slice(from, cell));
    if (cell === 0) return '\r';
    return '\b'.repeat(widthOf(this.#cells.slice(cell, from)));
  }

  #eraseRest(columns: number): string {
    if (!this.#dumb) return '\x1b[K';
    return ' '.repeat(columns) + '\b'.repeat(columns);
  }
}

const MIN_COLUMNS = 20;
/** Columns that the prompt always leaves to the text. */
const MIN_TEXT = 10;
/** A column is rarely more than a few UTF-16 units; longer text is not even measured. */
const UNITS_A_COLUMN = 8;

/** The end of a text that fits into so many columns. */
function lastCells(text: string, columns: number): Cell[] {
  const cells = toCells(text.slice(-columns * UNITS_A_COLUMN));
  let width = 0;
  let start = cells.length;
  for (; start > 0; start -= 1) {
    width += cells[start - 1]?.width ?? 0;
    if (width > columns) break;
  }
  return cells.slice(start);
}

/** The beginning of a text as far as it fits, its last column a `>` when there is more. */
function firstCells(text: string, columns: number): Cell[] {
  const cells = toCells(text.slice(0, columns * UNITS_A_COLUMN));
  if (text.length <= columns * UNITS_A_COLUMN && widthOf(cells) <= columns) return cells;
  const shown: Cell[] = [];
  let width = 0;
  for (const cell of cells) {
    width += cell.width;
    if (width > columns - 1) break;
    shown.push(cell);
  }
  return columns > 0 ? [...shown, { text: '>', width: 1, units: 0 }] : [];
}

/** The prompt as one cell; of one that is too wide, its end. */
function fitPrompt(prompt: string, columns: number): Cell {
  const width = textWidth(prompt);
  if (width <= columns) return { text: prompt, width, units: 0 };
  const cells = lastCells(stripEscapes(prompt), columns);
  return { text: textOf(cells), width: widthOf(cells), units: 0 };
}
