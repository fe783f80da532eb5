/**
 * Lines from a pipe or file, read only as they are asked for. A line that cannot be run is an error in its place, so
 * that the lines after it still count.
 */
export type PlainLine = { kind: 'line'; text: string } | { kind: 'bad'; reason: string };

export class PlainLines {
  readonly #lines: AsyncGenerator<PlainLine, void>;
  #next: Promise<PlainLine | undefined> | undefined;

  /** @param maxLine longest line, in bytes */
  constructor(input: NodeJS.ReadableStream, maxLine: number) {
    this.#lines = readLines(input, maxLine);
  }

  /** The next line without taking it; undefined at the end. */
  peek(): Promise<PlainLine | undefined> {
    this.#next ??= this.#lines.next().then(({ value }) => value ?? undefined);
    return this.#next;
  }

  async take(): Promise<PlainLine | undefined> {
    const line = await this.peek();
    if (line !== undefined) this.#next = undefined;
    return line;
  }
}

async function* readLines(input: NodeJS.ReadableStream, maxLine: number): AsyncGenerator<PlainLine, void> {
  let parts: Buffer[] = [];
  let length = 0;
  for await (const chunk of input) {
    let rest = Buffer.from(chunk);
    for (let end = rest.indexOf(0x0a); end >= 0; end = rest.indexOf(0x0a)) {
      yield toLine([...parts, rest.subarray(0, end)], length + end, maxLine);
      rest = rest.subarray(end + 1);
      parts = [];
      length = 0;
    }
    length += rest.length;
    // Of a line that is too long only the length matters.
    if (length <= maxLine) parts.push(rest);
    else parts = [];
  }
  if (length > 0) yield toLine(parts, length, maxLine);
}

function toLine(parts: Buffer[], length: number, maxLine: number): PlainLine {
  if (length > maxLine) return { kind: 'bad', reason: tooLong(maxLine) };
  const bytes = Buffer.concat(parts);
  const end = bytes.at(-1) === 0x0d ? bytes.length - 1 : bytes.length;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, end));
    const control = text.search(/[^\P{Cc}\t]/u);
    if (control < 0) return { kind: 'line', text };
    return { kind: 'bad', reason: `control character in the line (column ${control + 1}): not run` };
  } catch (error) {
    if (error instanceof TypeError) return { kind: 'bad', reason: 'the line is not UTF-8: not run' };
    throw error;
  }
}

/** What to say of a line that is too long. */
export function tooLong(maxLine: number): string {
  return `the line is longer than ${maxLine} characters: not run`;
}
