import { stripEscapes, toCells } from '../../services/viscript/terminal/width.ts';

/** Characters that move or turn what stands beside them, or end a line where none seems to end. */
const MISLEADING = /[\p{Bidi_Control}\u2028\u2029]/gu;

/** A text of somebody else's as it may be shown or kept: no escape sequence, control character or change of direction. */
export function harmless(text: string): string {
  return stripEscapes(text.replaceAll('\t', ' ')).replace(MISLEADING, codePoint);
}

/** The text cut to so many columns; it ends in an ellipsis then. The text must be {@link harmless} already. */
export function cutTo(text: string, columns: number): string {
  let width = 0;
  let shown = '';
  let beforeLast = '';
  for (const cell of toCells(text)) {
    width += cell.width;
    if (width > columns) return `${beforeLast}…`;
    if (width < columns) beforeLast = shown + cell.text;
    shown += cell.text;
  }
  return shown;
}

function codePoint(character: string): string {
  return `<U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}>`;
}
