import { EventEmitter } from 'node:events';
import type { OutputStream } from '../launcher/launcher.ts';

export interface OutputLine {
  /** Milliseconds since 1970. */
  time: number;
  stream: OutputStream;
  /** One line without its end. */
  text: string;
}

/** Lines longer than this many characters are cut into several. */
const maxLineLength = 16_384;
const maxLines = 1000;
const maxCharacters = 262_144;

/**
 * The last lines an app wrote, in memory, whatever it writes: at most 1,000 lines and 256 Ki characters.
 * Emits `line` for every complete line.
 */
export class Output extends EventEmitter<{ line: [OutputLine] }> {
  readonly #lines: OutputLine[] = [];
  readonly #partial: Record<OutputStream, LineSplitter>;
  #characters = 0;

  constructor() {
    super();
    this.setMaxListeners(0);
    this.#partial = { stdout: new LineSplitter(), stderr: new LineSplitter() };
  }

  write(stream: OutputStream, chunk: Buffer): void {
    for (const text of this.#partial[stream].push(chunk)) this.#add(stream, text);
  }

  /** Ends lines that have no end yet; called when the process has ended. */
  flush(): void {
    for (const stream of ['stdout', 'stderr'] as const) {
      const rest = this.#partial[stream].rest();
      if (rest !== '') this.#add(stream, rest);
    }
  }

  /** @returns the last `count` lines, oldest first. */
  last(count: number): OutputLine[] {
    return count <= 0 ? [] : this.#lines.slice(-count);
  }

  #add(stream: OutputStream, text: string): void {
    const line = { time: Date.now(), stream, text };
    this.#lines.push(line);
    this.#characters += text.length;
    while (this.#lines.length > maxLines || (this.#characters > maxCharacters && this.#lines.length > 1)) {
      this.#characters -= this.#lines.shift()?.text.length ?? 0;
    }
    this.emit('line', line);
  }
}

/** Cuts bytes into lines; a character cut in two by a chunk's end stays whole. */
class LineSplitter {
  readonly #decoder = new TextDecoder('utf-8', { fatal: false });
  #rest = '';

  push(chunk: Buffer): string[] {
    const lines = (this.#rest + this.#decoder.decode(chunk, { stream: true })).split('\n');
    this.#rest = lines.pop() ?? '';
    while (this.#rest.length > maxLineLength) {
      lines.push(this.#rest.slice(0, maxLineLength));
      this.#rest = this.#rest.slice(maxLineLength);
    }
    return lines.flatMap(cut);
  }

  rest(): string {
    const rest = this.#rest + this.#decoder.decode();
    this.#rest = '';
    return rest;
  }
}

function cut(line: string): string[] {
  const text = line.endsWith('\r') ? line.slice(0, -1) : line;
  if (text.length <= maxLineLength) return [text];
  const pieces = [];
  for (let at = 0; at < text.length; at += maxLineLength) pieces.push(text.slice(at, at + maxLineLength));
  return pieces;
}
