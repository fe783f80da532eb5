/** Lines of apps longer than this many characters are cut into several. */
export const maxLineLength = 16_384;

/** Cuts bytes into lines; a character cut in two by a chunk's end stays whole. */
export class LineSplitter {
  readonly #decoder = new TextDecoder('utf-8', { fatal: false });
  readonly #maxLength: number;
  #rest = '';

  constructor(maxLength = maxLineLength) {
    this.#maxLength = maxLength;
  }

  push(chunk: Buffer): string[] {
    const lines = (this.#rest + this.#decoder.decode(chunk, { stream: true })).split('\n');
    this.#rest = lines.pop() ?? '';
    while (this.#rest.length > this.#maxLength) {
      lines.push(this.#rest.slice(0, this.#maxLength));
      this.#rest = this.#rest.slice(this.#maxLength);
    }
    return lines.flatMap((line) => cut(line, this.#maxLength));
  }

  /** Ends the line that has no end yet. @returns none where there is nothing of it */
  end(): string[] {
    const rest = this.#rest + this.#decoder.decode();
    this.#rest = '';
    return rest === '' ? [] : cut(rest, this.#maxLength);
  }
}

function cut(line: string, maxLength: number): string[] {
  const text = line.endsWith('\r') ? line.slice(0, -1) : line;
  if (text.length <= maxLength) return [text];
  const pieces = [];
  for (let at = 0; at < text.length; at += maxLength) pieces.push(text.slice(at, at + maxLength));
  return pieces;
}
