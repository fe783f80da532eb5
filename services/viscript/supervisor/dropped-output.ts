import type { OutputStream } from '../launcher/launcher.ts';
import { LineSplitter } from './line-splitter.ts';

/** The end of what was left out is kept, for an app that floods its log says why at its very end. */
const tailBytes = 4096;
const tailLines = 50;

export interface LastWords {
  stream: OutputStream;
  lines: string[];
}

/** What was left out of an app's output since it was last told: how much, and the end of it. */
export class DroppedOutput {
  readonly #tails = new Map<OutputStream, Buffer>();
  #bytes = 0;

  get any(): boolean {
    return this.#bytes > 0;
  }

  add(stream: OutputStream, bytes: Buffer): void {
    this.#bytes += bytes.length;
    const before = this.#tails.get(stream) ?? Buffer.alloc(0);
    // Always a copy, so that no large chunk is kept alive by its end.
    this.#tails.set(stream, Buffer.concat([before, bytes.subarray(-tailBytes)]).subarray(-tailBytes));
  }

  /** Begins anew. @returns the bytes that are lost for good, and the last lines, which are not */
  take(): { bytes: number; lastWords: LastWords[] } {
    const lastWords = [...this.#tails].map(([stream, tail]) => {
      const whole = tail.subarray(startOfLines(tail));
      this.#bytes -= whole.length;
      const splitter = new LineSplitter();
      return { stream, lines: [...splitter.push(whole), ...splitter.end()] };
    });
    const bytes = this.#bytes;
    this.#bytes = 0;
    this.#tails.clear();
    return { bytes, lastWords };
  }
}

/** Where the last lines begin, without a line whose start may be cut off; 0 where there is no other. */
function startOfLines(tail: Buffer): number {
  let start = tail.length;
  for (let count = 0; count < tailLines; count++) {
    const feed = start < 2 ? -1 : tail.lastIndexOf(0x0a, start - 2);
    if (feed === -1) return start === tail.length ? 0 : start;
    start = feed + 1;
  }
  return start;
}
