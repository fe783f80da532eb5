import { closeSync, openSync, writeSync } from 'node:fs';

/** What a command sent cannot be put where it belongs. */
export class NotReceived extends Error {
  override readonly name = 'NotReceived';
}

/** Bytes that a command sends: to standard output, or to the file that the person has named, which must be new. */
export class ReceivedBytes {
  readonly #argv: readonly string[];
  readonly #toStdout: ((data: Buffer) => void) | undefined;
  #file: number | undefined;

  constructor(argv: readonly string[], toStdout: ((data: Buffer) => void) | undefined) {
    this.#argv = argv;
    this.#toStdout = toStdout;
  }

  /** @throws {NotReceived} or what the disk says */
  add(file: string, data: Buffer): void {
    if (file !== '') this.#write(file, data);
    else if (this.#toStdout) this.#toStdout(data);
    else throw new NotReceived('this is no place for an archive; give a FILE to write it to');
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #write(file: string, data: Buffer): void {
    // The supervisor writes nowhere in this person's name but where the person has said.
    if (!this.#argv.includes(file)) throw new NotReceived(`nobody has named the file ${file}`);
    this.#file ??= openSync(file, 'wx', 0o600);
    for (let at = 0; at < data.length; ) at += writeSync(this.#file, data, at);
  }
}
