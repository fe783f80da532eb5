import { PassThrough } from 'node:stream';

/**
 * What is typed on a line, for one session: it ends when the line does, when it is told to, and when nothing was typed
 * for as long as `idleMs` says. What is output meanwhile does not count: somebody who only looks is not there.
 */
export class SessionInput extends PassThrough {
  readonly #line: NodeJS.ReadableStream;
  readonly #idleMs: number;
  #timer: NodeJS.Timeout | undefined;
  #idle = false;

  /** @param idleMs 0 for a session that does not end by itself */
  constructor(line: NodeJS.ReadableStream, idleMs: number) {
    super();
    this.#line = line;
    this.#idleMs = idleMs;
    line.on('data', this.#typed);
    line.once('close', this.#gone);
    line.resume();
    this.#wait();
  }

  /** It has ended because nobody typed anything. */
  get idle(): boolean {
    return this.#idle;
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    clearTimeout(this.#timer);
    this.#line.off('data', this.#typed);
    this.#line.off('close', this.#gone);
    this.#line.pause();
    super._destroy(error, callback);
  }

  readonly #typed = (chunk: Buffer): void => {
    this.#wait();
    this.write(chunk);
  };

  readonly #gone = (): void => void this.destroy();

  #wait(): void {
    clearTimeout(this.#timer);
    if (this.#idleMs <= 0) return;
    this.#timer = setTimeout(() => {
      this.#idle = true;
      this.destroy();
    }, this.#idleMs);
  }
}
