import { createWriteStream, mkdirSync, renameSync, statSync, type WriteStream } from 'node:fs';
import { dirname } from 'node:path';
import type { OutputLine } from './output.ts';

/** A log file is set aside as FILE.1 when it has grown to this many bytes; one such older file is kept. */
const maxBytes = 1_048_576;
/** Lines that the disk has not taken yet, in bytes; past this they are dropped and counted. */
const maxPendingBytes = 1_048_576;

/** What one app writes, kept in a file of bounded size. An app that writes faster than the disk loses lines, not us. */
export class LogFile {
  readonly #path: string;
  readonly #onError: (error: Error) => void;
  #stream: WriteStream | undefined;
  #size = 0;
  #dropped = 0;

  constructor(path: string, onError: (error: Error) => void) {
    this.#path = path;
    this.#onError = onError;
  }

  write(line: OutputLine): void {
    const stream = this.#open();
    if (stream.writableLength > maxPendingBytes) {
      this.#dropped++;
      return;
    }
    if (this.#dropped > 0) {
      this.#append(
        stream,
        `${timestamp(line.time)} viscript: ${this.#dropped} lines dropped, the disk was slower\n`,
      );
      this.#dropped = 0;
    }
    this.#append(stream, `${timestamp(line.time)} ${line.text}\n`);
    if (this.#size >= maxBytes) this.#rotate();
  }

  close(): void {
    this.#stream?.end();
    this.#stream = undefined;
  }

  #append(stream: WriteStream, text: string): void {
    this.#size += Buffer.byteLength(text);
    stream.write(text);
  }

  #open(): WriteStream {
    if (this.#stream) return this.#stream;
    mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
    this.#size = statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0;
    const stream = createWriteStream(this.#path, { flags: 'a', mode: 0o600 });
    stream.on('error', this.#onError);
    this.#stream = stream;
    return stream;
  }

  #rotate(): void {
    this.close();
    renameSync(this.#path, `${this.#path}.1`);
  }
}

function timestamp(time: number): string {
  return new Date(time).toISOString();
}
