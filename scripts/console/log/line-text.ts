import { StringDecoder } from 'node:string_decoder';
import { harmless } from '../harmless.ts';

/** Bytes of a line at most; a longer one goes on in the next. */
const MAX_LINE = 4096;

/**
 * Makes lines of what a board says: text without escape sequences, control characters and bytes that are no UTF-8.
 * Carriage returns at both ends of a line are left out; those inside, as of a progress bar, are shown as `\r`, so that
 * nothing is hidden behind them.
 */
export class LineText {
  #decoder = new StringDecoder('utf8');
  #rest = '';

  /** The lines that these bytes end. */
  add(bytes: Buffer): string[] {
    const lines = (this.#rest + this.#decoder.write(bytes)).split('\n');
    this.#rest = lines.pop() ?? '';
    while (this.#rest.length > MAX_LINE) {
      const end = cutAt(this.#rest);
      lines.push(this.#rest.slice(0, end));
      this.#rest = this.#rest.slice(end);
    }
    return lines.flatMap(pieces).map(readable);
  }

  /** What has come of the line that has not ended yet, and leaves it there. */
  get unfinished(): string {
    return readable(this.#rest);
  }

  /** The same, and nothing is left of it: what comes is a new line. Undefined where there is nothing. */
  takeUnfinished(): string | undefined {
    const text = readable(this.#rest + this.#decoder.end());
    this.#decoder = new StringDecoder('utf8');
    this.#rest = '';
    return text === '' ? undefined : text;
  }
}

function pieces(line: string): string[] {
  const found: string[] = [];
  let rest = line;
  while (rest.length > MAX_LINE) {
    const end = cutAt(rest);
    found.push(rest.slice(0, end));
    rest = rest.slice(end);
  }
  return [...found, rest];
}

/** Not between the halves of a character. */
function cutAt(text: string): number {
  const code = text.charCodeAt(MAX_LINE - 1);
  return code >= 0xd800 && code <= 0xdbff ? MAX_LINE - 1 : MAX_LINE;
}

function readable(line: string): string {
  return line
    .replace(/^\r+|\r+$/g, '')
    .replaceAll('\t', '    ')
    .split(/\r+/)
    .map(harmless)
    .join('\\r');
}
