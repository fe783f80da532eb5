import { EventEmitter } from 'node:events';
import type { OutputStream } from '../launcher/launcher.ts';
import { DroppedOutput } from './dropped-output.ts';
import { LineRing } from './line-ring.ts';
import { LineSplitter } from './line-splitter.ts';
import { OutputBudget } from './output-budget.ts';

export interface OutputLine {
  /** Milliseconds since 1970. */
  time: number;
  /** Who says it; `viscript` about what is missing here. */
  stream: OutputStream | 'viscript';
  /** One line without its end. */
  text: string;
}

const bounds = { maxLines: 1000, maxCharacters: 262_144 };

/**
 * What an app writes, as lines, whatever it writes: a mebibyte at once and 128 KiB a second pass (a line counts as 100
 * bytes more than it has), what comes beyond is left out and a line says how much; but for the last lines before a pause
 * or the end, which are shown. Of the lines the last 1,000 stay in memory, and 256 Ki characters at most.
 * Emits `line` for each.
 */
export class Output extends EventEmitter<{ line: [OutputLine] }> {
  readonly #lines = new LineRing<OutputLine>(bounds);
  readonly #splitters: Record<OutputStream, LineSplitter>;
  readonly #budget = new OutputBudget();
  readonly #dropped = new DroppedOutput();
  #telling: NodeJS.Timeout | undefined;

  constructor() {
    super();
    this.setMaxListeners(0);
    this.#splitters = { stdout: new LineSplitter(), stderr: new LineSplitter() };
  }

  write(stream: OutputStream, chunk: Buffer): void {
    const passed = this.#budget.take(chunk);
    if (passed > 0) {
      if (this.#dropped.any) this.#tellDropped();
      this.#add(stream, this.#splitters[stream].push(chunk.subarray(0, passed)));
    }
    if (passed < chunk.length) this.#drop(stream, chunk.subarray(passed));
  }

  /** Ends lines that have no end yet; called when the process has ended. */
  flush(): void {
    this.#endLines();
    this.#tellDropped();
  }

  /** @returns the last `count` lines, oldest first. */
  last(count: number): OutputLine[] {
    return this.#lines.last(count);
  }

  #drop(stream: OutputStream, bytes: Buffer): void {
    // What stands before the gap and what comes after it are no line together.
    if (!this.#dropped.any) this.#endLines();
    this.#dropped.add(stream, bytes);
    this.#telling ??= setTimeout(() => this.#tellDropped(), this.#budget.resumesIn()).unref();
  }

  #tellDropped(): void {
    clearTimeout(this.#telling);
    this.#telling = undefined;
    if (!this.#dropped.any) return;
    const { bytes, lastWords } = this.#dropped.take();
    if (bytes > 0) {
      const text = `viscript: ${bytes} bytes dropped: the app writes more than its log takes`;
      this.#emit({ time: Date.now(), stream: 'viscript', text });
    }
    for (const { stream, lines } of lastWords) this.#add(stream, lines);
  }

  #endLines(): void {
    for (const stream of ['stdout', 'stderr'] as const) this.#add(stream, this.#splitters[stream].end());
  }

  #add(stream: OutputStream, lines: string[]): void {
    for (const text of lines) this.#emit({ time: Date.now(), stream, text });
  }

  #emit(line: OutputLine): void {
    this.#lines.add(line);
    this.emit('line', line);
  }
}
