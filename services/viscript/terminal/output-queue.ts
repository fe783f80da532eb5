/**
 * Text on its way to a line that may be much slower than its source. Only a little is given to the stream at a time,
 * so that what waits can be thrown away when somebody presses Ctrl-C, and memory stays bounded.
 */
export class OutputQueue {
  readonly #stream: NodeJS.WritableStream;
  readonly #limit: number;
  #pending: string[] = [];
  #length = 0;
  #skipped = 0;
  #blocked = false;
  #closed = false;
  #waiting: (() => void)[] = [];
  #flushing: (() => void)[] = [];

  /** @param limit text (UTF-16 units) that may wait; more is left out, and a line says how much */
  constructor(stream: NodeJS.WritableStream, limit: number) {
    this.#stream = stream;
    this.#limit = limit;
    stream.on('drain', this.#onDrain);
    stream.on('close', this.close);
  }

  /** Resolves when so little is waiting that the source may go on, or nobody will read any more. Never rejects. */
  write(text: string): Promise<void> {
    if (this.#closed) return this.ready();
    if (this.#length + text.length > this.#limit) this.#skipped += text.length;
    else {
      this.#noteSkipped();
      this.#add(text);
    }
    this.#pump();
    return this.ready();
  }

  /** Resolves when little is waiting. */
  ready(): Promise<void> {
    return new Promise((resolve) => {
      // Never at once: writes to a tty are synchronous, and a source that only ever awaits them would keep
      // everybody else, such as the reader of Ctrl-C, from running.
      if (this.#closed || this.#length <= LOW_WATER) setImmediate(resolve);
      else this.#waiting.push(resolve);
    });
  }

  /** Resolves when the stream has been given everything. */
  async flush(): Promise<void> {
    while (!this.#closed && this.#length > 0)
      await new Promise<void>((resolve) => this.#flushing.push(resolve));
  }

  /** Throws away what has not been given to the stream. */
  discard(): void {
    this.#pending = [];
    this.#length = 0;
    this.#skipped = 0;
    this.#wake();
  }

  readonly close = (): void => {
    this.#closed = true;
    this.#stream.off('drain', this.#onDrain);
    this.#stream.off('close', this.close);
    this.discard();
  };

  readonly #onDrain = (): void => {
    this.#blocked = false;
    this.#pump();
  };

  #pump(): void {
    while (!this.#blocked && !this.#closed && this.#pending.length > 0) {
      const text = this.#pending.shift() ?? '';
      const end = cut(text);
      if (end < text.length) this.#pending.unshift(text.slice(end));
      this.#length -= end;
      this.#blocked = !this.#stream.write(text.slice(0, end));
    }
    if (this.#pending.length === 0 && this.#skipped > 0) {
      this.#noteSkipped();
      this.#pump();
    }
    this.#wake();
  }

  #add(text: string): void {
    this.#pending.push(text);
    this.#length += text.length;
  }

  /** Where output was left out, a line says how much. */
  #noteSkipped(): void {
    if (this.#skipped === 0) return;
    this.#add(`\r\n[${this.#skipped} characters left out: this line is slower than the output]\r\n`);
    this.#skipped = 0;
  }

  #wake(): void {
    if (this.#length <= LOW_WATER) for (const resolve of this.#waiting.splice(0)) resolve();
    if (this.#length === 0) for (const resolve of this.#flushing.splice(0)) resolve();
  }
}

/** UTF-16 units given to the stream at once, and units that may wait before a source is held back. */
const CHUNK = 4096;
const LOW_WATER = 8192;

/** Where to end a chunk: not between the halves of a character. */
function cut(text: string): number {
  if (text.length <= CHUNK) return text.length;
  const code = text.charCodeAt(CHUNK - 1);
  return code >= 0xd800 && code <= 0xdbff ? CHUNK - 1 : CHUNK;
}
