import { stripVTControlCharacters } from 'node:util';
import { eastAsianWidth } from 'get-east-asian-width';

/** What takes one step of the cursor: a grapheme as it is shown, and the columns it takes. */
export interface Cell {
  text: string;
  width: number;
  /** Length of what it stands for, in UTF-16 units. */
  units: number;
}

/** The graphemes of a text; control characters are shown as `^C`. */
export function toCells(text: string): Cell[] {
  // Most lines; asking for graphemes costs microseconds each, at every key.
  if (ASCII.test(text)) return Array.from(text, (character) => ({ text: character, width: 1, units: 1 }));
  const cells: Cell[] = [];
  for (const { segment } of graphemes.segment(text)) {
    const shown = segment.replace(CONTROLS, caret);
    const width = shown === segment ? graphemeWidth(segment) : shown.length;
    cells.push({ text: shown, width, units: segment.length });
  }
  return cells;
}

/** Columns that a text takes on a terminal, its colours not counted. */
export function textWidth(text: string): number {
  return widthOf(toCells(stripEscapes(text)));
}

/** The text without colours and control characters. */
export function stripEscapes(text: string): string {
  return stripVTControlCharacters(text).replace(CONTROLS, '');
}

export function textOf(cells: Cell[]): string {
  return cells.map((cell) => cell.text).join('');
}

export function widthOf(cells: Cell[]): number {
  return cells.reduce((sum, cell) => sum + cell.width, 0);
}

export function unitsOf(cells: Cell[]): number {
  return cells.reduce((sum, cell) => sum + cell.units, 0);
}

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
const ASCII = /^[ -~]*$/;
const CONTROLS = /\p{Cc}/gu;
const EMOJI = /^\p{RGI_Emoji}$/v;
/** Marks that stand on the character before them, and characters that are not seen at all. */
const WITHOUT_WIDTH = /^[\p{Default_Ignorable_Code_Point}\p{Nonspacing_Mark}\p{Enclosing_Mark}\p{Format}]+$/v;

function graphemeWidth(grapheme: string): number {
  const code = grapheme.codePointAt(0) ?? 0;
  if (code < 0x300 && grapheme.length === 1) return code === 0xad ? 0 : 1;
  if (WITHOUT_WIDTH.test(grapheme)) return 0;
  return EMOJI.test(grapheme) ? 2 : eastAsianWidth(code, { ambiguousAsWide: false });
}

function caret(character: string): string {
  return `^${String.fromCharCode((character.charCodeAt(0) ^ 0x40) & 0x7f)}`;
}
