import type { Readable } from 'node:stream';
import { LineSplitter } from './supervisor/line-splitter.ts';
import { LogFile } from './supervisor/log-file.ts';

export interface LogKeeperOptions {
  /** The log file, which is bounded as those of apps are. */
  path: string;
  /** The number that stands in each line: of the process that wrote it. */
  id: number;
  /** The disk does not take the log. Told once; it is tried again. */
  onError: (error: Error) => void;
}

/** Keeps what a program writes on its standard error in a log file, a line each, with the time at which it came. */
export class LogKeeper {
  readonly #file: LogFile;
  readonly #splitter = new LineSplitter();
  readonly #id: number;

  constructor(stream: Readable, { path, id, onError }: LogKeeperOptions) {
    let told = false;
    this.#file = new LogFile(path, (error) => {
      if (!told) onError(error);
      told = true;
    });
    this.#id = id;
    stream.on('data', (chunk: Buffer) => this.#write(this.#splitter.push(chunk)));
  }

  /** To be called when nothing comes any more. Resolves when the disk has all, or has refused it. */
  async close(): Promise<void> {
    this.#write(this.#splitter.end());
    await this.#file.close();
  }

  #write(lines: readonly string[]): void {
    for (const text of lines)
      this.#file.write({ app: 'viscript', id: this.#id, time: Date.now(), stream: 'stderr', text });
  }
}
