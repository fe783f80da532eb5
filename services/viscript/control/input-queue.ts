/** Most characters that wait for a reader; what comes past it is dropped, as on a terminal line that nobody reads. */
const maxWaiting = 65_536;

/** What a person typed, waiting to be read by a command. */
export class InputQueue implements AsyncIterable<string> {
  readonly #waiting: string[] = [];
  #size = 0;
  #ended = false;
  #read = false;
  #wake: (() => void) | undefined;
  readonly #onRead: () => void;

  /** @param onRead called when somebody starts to read; until then nobody need send anything */
  constructor(onRead: () => void) {
    this.#onRead = onRead;
  }

  /** Somebody has started to read. */
  get read(): boolean {
    return this.#read;
  }

  push(text: string): void {
    if (this.#ended || this.#size + text.length > maxWaiting) return;
    this.#waiting.push(text);
    this.#size += text.length;
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string> {
    this.#read = true;
    this.#onRead();
    for (;;) {
      const text = this.#waiting.shift();
      if (text !== undefined) {
        this.#size -= text.length;
        yield text;
      } else if (this.#ended) {
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}
