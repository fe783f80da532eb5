/**
 * How a typed line becomes words: the quoting of the POSIX shell (Shell Command Language, 2.2) and nothing else of
 * it. There is no expansion, no variable, no operator, and no letter ever changes its case.
 */

/** A line that cannot be split: `column` (from 1, in characters) is where the trouble begins. */
export class WordsError extends Error {
  override readonly name = 'WordsError';
  readonly column: number;

  constructor(message: string, column: number) {
    super(`${message} (column ${column})`);
    this.column = column;
  }
}

/** A word that the end of the line touches, as completion needs it. */
export interface OpenWord {
  /** What it means so far, quotes removed. */
  text: string;
  /** Where it begins in the line, an index into the string. */
  start: number;
  /** The quote that is still open, or `\` when the line ends with a backslash. */
  open: '' | "'" | '"' | '\\';
  /** Where that quote stands, an index into the string. */
  openAt: number;
}

/**
 * Splits a line into words. A `#` at the beginning of a word starts a comment.
 *
 * @throws {WordsError} when a quote is not closed or nothing follows a final backslash
 */
export function splitWords(line: string): string[] {
  const { words, last } = scanWords(line);
  if (last === undefined) return words;
  if (last.open === '\\') throw new WordsError('nothing follows the backslash', columnOf(line, last.openAt));
  if (last.open !== '')
    throw new WordsError(`the quote ${last.open} is not closed`, columnOf(line, last.openAt));
  return [...words, last.text];
}

/** The same without complaint: the finished words, and the one that the end of the line still touches. */
export function scanWords(line: string): { words: string[]; last: OpenWord | undefined; comment: boolean } {
  const words: string[] = [];
  let at = 0;
  for (;;) {
    at = skip(BLANKS, line, at);
    if (at >= line.length) return { words, last: undefined, comment: false };
    if (line[at] === '#') return { words, last: undefined, comment: true };
    const { word, end } = readWord(line, at);
    if (end >= line.length) return { words, last: word, comment: false };
    words.push(word.text);
    at = end;
  }
}

/** Writes a word so that `splitWords`, and any POSIX shell, reads it back as it is. */
export function quoteWord(word: string): string {
  if (PLAIN_WORD.test(word)) return word;
  return `'${word.replaceAll("'", "'\\''")}'`;
}

const BLANKS = /[ \t\r\n]*/y;
const PLAIN_WORD = /^[\p{L}\p{N}_@%+=:,./-]+$/u;
/** Runs that mean themselves: outside quotes, and between double quotes. */
const BARE = /[^ \t\r\n'"\\]*/y;
const IN_DOUBLE = /[^"\\]*/y;

function readWord(line: string, start: number): { word: OpenWord; end: number } {
  let text = '';
  let at = start;
  const unfinished = (open: OpenWord['open'], openAt: number) => ({
    word: { text, start, open, openAt },
    end: line.length,
  });

  while (at < line.length) {
    const character = line[at];
    if (character === "'") {
      const close = line.indexOf("'", at + 1);
      text += line.slice(at + 1, close < 0 ? undefined : close);
      if (close < 0) return unfinished("'", at);
      at = close + 1;
    } else if (character === '"') {
      const quoted = readDoubleQuoted(line, at + 1);
      text += quoted.text;
      if (!quoted.closed) return unfinished('"', at);
      at = quoted.end;
    } else if (character === '\\') {
      const next = line[at + 1];
      if (next === undefined) return unfinished('\\', at);
      // A backslash before a newline joins two lines; before anything else it takes it as it is.
      if (next !== '\n') text += next;
      at += 2;
    } else {
      const end = skip(BARE, line, at);
      if (end === at) break;
      text += line.slice(at, end);
      at = end;
    }
  }
  return { word: { text, start, open: '', openAt: at }, end: at };
}

function readDoubleQuoted(line: string, start: number): { text: string; end: number; closed: boolean } {
  let text = '';
  let at = start;
  for (;;) {
    const end = skip(IN_DOUBLE, line, at);
    text += line.slice(at, end);
    if (line[end] === '"') return { text, end: end + 1, closed: true };
    if (line[end] === undefined) return { text, end, closed: false };
    const next = line[end + 1];
    if (next === undefined) return { text, end: line.length, closed: false };
    // Between double quotes a backslash is special only before these five.
    if (next === '\n') text += '';
    else if ('$`"\\'.includes(next)) text += next;
    else text += `\\${next}`;
    at = end + 2;
  }
}

function skip(run: RegExp, line: string, at: number): number {
  run.lastIndex = at;
  run.test(line);
  return run.lastIndex;
}

function columnOf(line: string, index: number): number {
  return [...line.slice(0, index)].length + 1;
}
