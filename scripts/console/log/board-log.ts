import { closeSync, constants, fstatSync, mkdirSync, openSync, readSync, writeSync } from 'node:fs';
import { currentFile, fileNameOf, type LogFileName, pathOf, type Rotation, removeOldest } from './files.ts';
import { LineText } from './line-text.ts';

export interface BoardLogOptions {
  folder: string;
  /** What the board is called. */
  label: string;
  rotation: Rotation;
  /** Told when the disk begins to refuse lines, and when it takes them again. */
  onTrouble: (text: string) => void;
}

/** A disk that has refused a line is asked again after so many milliseconds. */
const RETRY_MS = 30_000;

/**
 * What a board says, as lines of text with a time each (ISO 8601, UTC). A line is written as soon as it ends, so a crash
 * of this program loses none. A disk that is full or broken costs lines, which are counted, and nobody's work.
 */
export class BoardLog {
  readonly #options: BoardLogOptions;
  readonly #name: string;
  readonly #text = new LineText();
  #file: { descriptor: number; size: number; at: LogFileName } | undefined;
  #lost = 0;
  #brokenUntil = 0;

  constructor(options: BoardLogOptions) {
    this.#options = options;
    this.#name = fileNameOf(options.label);
  }

  add(bytes: Buffer): void {
    this.#write(this.#text.add(bytes));
  }

  /** A remark of this program's, in a line of its own. */
  remark(text: string): void {
    const unfinished = this.#text.takeUnfinished();
    this.#write([...(unfinished === undefined ? [] : [unfinished]), `--- ${text} ---`]);
  }

  close(): void {
    const unfinished = this.#text.takeUnfinished();
    if (unfinished !== undefined) this.#write([unfinished]);
    this.#closeFile();
  }

  #write(lines: string[]): void {
    if (lines.length === 0) return;
    if (performance.now() < this.#brokenUntil) {
      this.#lost += lines.length;
      return;
    }
    const now = new Date();
    const lost =
      this.#lost === 0 ? [] : [`--- ${this.#lost} lines were lost: the disk did not take them ---`];
    const text = [...lost, ...lines].map((line) => `${now.toISOString()} ${line}\n`).join('');
    try {
      this.#append(Buffer.from(text), now);
      if (this.#lost > 0) this.#options.onTrouble('the log is written again');
      this.#lost = 0;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      if (this.#lost === 0) this.#options.onTrouble(`the log cannot be written: ${why}`);
      this.#lost += lines.length;
      this.#brokenUntil = performance.now() + RETRY_MS;
      this.#closeFile();
    }
  }

  #append(bytes: Buffer, now: Date): void {
    const { rotation } = this.#options;
    const file = this.#file;
    if (
      file !== undefined &&
      (file.size >= rotation.maxBytes || file.at.day !== now.toISOString().slice(0, 10))
    )
      this.#closeFile();
    const open = this.#file ?? this.#open(now);
    let written = 0;
    while (written < bytes.length) written += writeSync(open.descriptor, bytes, written);
    open.size += bytes.length;
  }

  #open(now: Date): { descriptor: number; size: number } {
    const { folder, rotation } = this.#options;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const at = currentFile(folder, this.#name, now, rotation);
    removeOldest(folder, this.#name, at, rotation);
    const { O_RDWR, O_CREAT, O_APPEND, O_NOFOLLOW } = constants;
    const descriptor = openSync(
      pathOf(folder, this.#name, at),
      O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW,
      0o600,
    );
    const { size } = fstatSync(descriptor);
    const file = { descriptor, size, at };
    this.#file = file;
    if (endsWithinLine(descriptor, size)) file.size += writeSync(descriptor, '\n');
    return file;
  }

  #closeFile(): void {
    const file = this.#file;
    this.#file = undefined;
    if (file !== undefined) closeSync(file.descriptor);
  }
}

/** As after a power cut, or on a disk that was full. */
function endsWithinLine(descriptor: number, size: number): boolean {
  if (size === 0) return false;
  const last = Buffer.alloc(1);
  readSync(descriptor, last, 0, 1, size - 1);
  return last[0] !== 0x0a;
}
