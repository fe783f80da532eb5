import { type FileHandle, mkdir, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

/** The history file cannot be read or written. The terminal works on; lines stay in memory. */
export class HistoryError extends Error {
  override readonly name = 'HistoryError';
}

/**
 * The lines typed so far, oldest first. Kept in a file that is only ever appended to, one write a line, so several
 * terminals may share it; with `max` lines it becomes `FILE.old` and a new one begins, and reading takes both.
 *
 * A line that begins with a blank is not kept (the way to type a secret), nor one equal to the line before it.
 */
export class History {
  readonly #entries: string[];
  readonly #max: number;
  #file: string | undefined;
  /** Lines in the file, as far as this history knows. */
  #lines: number;
  #torn: boolean;
  #writing: Promise<void> = Promise.resolve();

  private constructor(
    file: string | undefined,
    max: number,
    entries: string[],
    lines: number,
    torn: boolean,
  ) {
    this.#file = file;
    this.#max = max;
    this.#entries = entries;
    this.#lines = lines;
    this.#torn = torn;
  }

  /**
   * @param file where to keep it, or undefined for memory only; folders are made as needed
   * @param max lines kept, and lines after which the file is rotated
   * @throws {HistoryError} when a file is there and cannot be read
   */
  static async open(file: string | undefined, max = 1000): Promise<History> {
    if (file === undefined) return new History(undefined, max, [], 0, false);
    try {
      await mkdir(dirname(file), { recursive: true, mode: 0o700 });
      const older = await readLines(`${file}.old`);
      const newer = await readLines(file);
      const entries = [...older.lines, ...newer.lines].slice(-max);
      return new History(file, max, entries, newer.lines.length, newer.torn);
    } catch (cause) {
      throw new HistoryError(`cannot read the history ${file}: ${reason(cause)}`, { cause });
    }
  }

  get entries(): readonly string[] {
    return this.#entries;
  }

  /**
   * Adds a line.
   *
   * @throws {HistoryError} once, when the file cannot be written; from then on lines are kept in memory only
   */
  add(line: string): Promise<void> {
    if (/^\s/.test(line) || line === '' || line === this.#entries.at(-1)) return Promise.resolve();
    if (line.length > MAX_ENTRY || CONTROL.test(line)) return Promise.resolve();
    this.#entries.push(line);
    if (this.#entries.length > this.#max) this.#entries.shift();

    const written = this.#writing.then(() => this.#append(line));
    // The next line waits for this one, whichever way it ended; the caller hears of the failure.
    this.#writing = written.catch(() => undefined);
    return written;
  }

  async #append(line: string): Promise<void> {
    const file = this.#file;
    if (file === undefined) return;
    try {
      if (this.#lines >= this.#max) {
        await rename(file, `${file}.old`);
        this.#lines = 0;
        this.#torn = false;
      }
      const handle = await open(file, 'a', 0o600);
      try {
        // A control character makes a line void: so is what a power cut left of the last one.
        await handle.write(this.#torn ? `\x18\n${line}\n` : `${line}\n`);
      } finally {
        await handle.close();
      }
      this.#torn = false;
      this.#lines += 1;
    } catch (cause) {
      this.#file = undefined;
      throw new HistoryError(`the history is no longer kept in ${file}: ${reason(cause)}`, { cause });
    }
  }
}

/** Longest line kept (UTF-16 units): enough for anything typed, and no paste of data. */
const MAX_ENTRY = 16 * 1024;
/** A history is read from its end, and no more of it than this (bytes). */
const MAX_READ = 4 * 1024 * 1024;
const CONTROL = /[^\P{Cc}\t]/u;

async function readLines(file: string): Promise<{ lines: string[]; torn: boolean }> {
  let handle: FileHandle;
  try {
    handle = await open(file, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { lines: [], torn: false };
    throw error;
  }
  try {
    const { size } = await handle.stat();
    const start = Math.max(0, size - MAX_READ);
    const buffer = Buffer.alloc(size - start);
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, start);
    const parts = buffer.toString('utf8', 0, bytesRead).split('\n');
    const last = parts.pop() ?? '';
    if (start > 0) parts.shift();
    const lines = parts.filter((line) => line !== '' && line.length <= MAX_ENTRY && !CONTROL.test(line));
    return { lines, torn: last !== '' };
  } finally {
    await handle.close();
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
