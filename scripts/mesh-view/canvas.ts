import { styleText } from 'node:util';

export type Style = 'plain' | 'dim' | 'yellow' | 'green' | 'red' | 'bold';

/** Of lines that cross, the one whose style stands later here is seen. */
const RANK: readonly Style[] = ['plain', 'dim', 'red', 'yellow', 'green', 'bold'];
/** Dots of a braille character (Unicode 6.0, chapter 15.10) by column and row of the dot. */
const DOTS = [
  [0x01, 0x02, 0x04, 0x40],
  [0x08, 0x10, 0x20, 0x80],
] as const;
const BRAILLE = 0x2800;

interface Cell {
  dots: number;
  text: string;
  style: Style;
}

/** A drawing of lines and words for a terminal: each character cell holds two by four dots, or a character. */
export class Canvas {
  readonly columns: number;
  readonly rows: number;
  readonly #cells: Cell[];

  constructor(columns: number, rows: number) {
    this.columns = columns;
    this.rows = rows;
    this.#cells = Array.from({ length: columns * rows }, () => ({ dots: 0, text: '', style: 'plain' }));
  }

  /** A line between the middles of two cells; `dashed` leaves every other part of it out. */
  line(from: readonly [number, number], to: readonly [number, number], style: Style, dashed = false): void {
    const [x0, y0] = [from[0] * 2 + 1, from[1] * 4 + 2];
    const [x1, y1] = [to[0] * 2 + 1, to[1] * 4 + 2];
    const steps = Math.max(Math.abs(x1 - x0), Math.abs(y1 - y0), 1);
    for (let step = 0; step <= steps; step++) {
      if (dashed && step % 6 >= 3) continue;
      this.#dot(
        x0 + Math.round(((x1 - x0) * step) / steps),
        y0 + Math.round(((y1 - y0) * step) / steps),
        style,
      );
    }
  }

  /** Words in a row, over whatever is drawn there; what does not fit is left out. Characters one column wide only. */
  text(column: number, row: number, words: string, style: Style): void {
    for (const [at, character] of [...words].entries()) {
      const cell = this.#cell(column + at, row);
      if (cell !== undefined) Object.assign(cell, { text: character, style });
    }
  }

  lines(color: boolean): string[] {
    return Array.from({ length: this.rows }, (_, row) => {
      const cells = this.#cells.slice(row * this.columns, (row + 1) * this.columns);
      return cells
        .map((cell) => styled(characterOf(cell), cell.style, color))
        .join('')
        .trimEnd();
    });
  }

  #dot(x: number, y: number, style: Style): void {
    const cell = this.#cell(x >> 1, y >> 2);
    if (cell === undefined || cell.text !== '') return;
    cell.dots |= DOTS[(x & 1) as 0 | 1][(y & 3) as 0 | 1 | 2 | 3];
    if (RANK.indexOf(style) > RANK.indexOf(cell.style)) cell.style = style;
  }

  #cell(column: number, row: number): Cell | undefined {
    return column < this.columns && column >= 0 ? this.#cells[row * this.columns + column] : undefined;
  }
}

export function styled(text: string, style: Style, color: boolean): string {
  return color && style !== 'plain' && text.trim() !== ''
    ? styleText(style, text, { validateStream: false })
    : text;
}

function characterOf({ text, dots }: Cell): string {
  if (text !== '') return text;
  return dots === 0 ? ' ' : String.fromCharCode(BRAILLE + dots);
}
