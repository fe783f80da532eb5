import { type FileHandle, mkdir, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { formatLogLine, type LogLine, voidLine } from './log-line.ts';

/** A log file is set aside as FILE.1 when it has grown to this many bytes; one such older file is kept. */
const maxBytes = 1_048_576;
/** What is written at once, in bytes: by no more than this does a file outgrow its bound. */
const maxPiece = 65_536;
/** Lines that the disk has not taken yet, in characters; past this they are dropped and counted. */
const maxPending = 1_048_576;
/** A disk that has refused a line (full, read-only, broken) is asked again after so many milliseconds. */
const retryMs = 30_000;

/**
 * What one app writes, kept in files of bounded size. A disk that is slow, full or broken costs lines, which are counted,
 * and nobody's work: errors are told, not thrown.
 */
export class LogFile {
  readonly path: string;
  readonly #onError: (error: Error) => void;
  #pending: string[] = [];
  #pendingLength = 0;
  #writing: Promise<void> | undefined;
  #file: FileHandle | undefined;
  #size = 0;
  #dropped = 0;
  #brokenUntil = 0;

  constructor(path: string, onError: (error: Error) => void) {
    this.path = path;
    this.#onError = onError;
  }

  /** The disk takes what is written. */
  get works(): boolean {
    return this.#dropped === 0;
  }

  write(line: LogLine): void {
    if (this.#pendingLength > maxPending || performance.now() < this.#brokenUntil) {
      this.#dropped++;
      return;
    }
    if (this.#dropped > 0) {
      const text = `viscript: ${this.#dropped} lines dropped: the disk did not take them`;
      this.#dropped = 0;
      this.#push(formatLogLine({ ...line, stream: 'viscript', text }));
    }
    this.#push(formatLogLine(line));
    this.#writing ??= this.#writePending();
  }

  /** Resolves when the disk has taken, or refused, what was written so far. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.#closeFile();
  }

  #push(text: string): void {
    this.#pending.push(text);
    this.#pendingLength += text.length;
  }

  async #writePending(): Promise<void> {
    // In a turn of its own, so that lines that come together are written together.
    await Promise.resolve();
    while (this.#pending.length > 0) {
      const piece = this.#takePiece();
      try {
        await this.#append(piece.join(''));
      } catch (error) {
        this.#dropped += piece.length + this.#pending.length;
        this.#pending = [];
        this.#pendingLength = 0;
        this.#brokenUntil = performance.now() + retryMs;
        this.#onError(error instanceof Error ? error : new Error(String(error)));
        await this.#closeFile();
      }
    }
    this.#writing = undefined;
  }

  #takePiece(): string[] {
    let length = 0;
    const end = this.#pending.findIndex((text) => {
      length += text.length;
      return length > maxPiece;
    });
    const piece = this.#pending.splice(0, end === -1 ? this.#pending.length : Math.max(1, end));
    this.#pendingLength -= piece.reduce((sum, text) => sum + text.length, 0);
    return piece;
  }

  async #append(text: string): Promise<void> {
    const file = this.#file ?? (await this.#open());
    await file.appendFile(text);
    this.#size += Buffer.byteLength(text);
    if (this.#size < maxBytes) return;
    await this.#closeFile();
    await rename(this.path, `${this.path}.1`);
  }

  async #open(): Promise<FileHandle> {
    await mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
    const file = await open(this.path, 'a+', 0o600);
    this.#file = file;
    this.#size = (await file.stat()).size;
    if (await isTorn(file, this.#size)) await file.appendFile(voidLine);
    return file;
  }

  async #closeFile(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    // What the disk has to say at the end it has said before, when it was written to.
    await file?.close().catch(this.#onError);
  }
}

/** Whether a file ends within a line, as after a power cut or on a disk that was full. */
async function isTorn(file: FileHandle, size: number): Promise<boolean> {
  if (size === 0) return false;
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
  return buffer[0] !== '\n'.charCodeAt(0);
}
