import { type Key, KeyDecoder } from './keys.ts';

/** How a stream of keys ends: it was finished, or the line went away. */
export type InputEnd = 'eof' | 'closed';

/**
 * Keys typed and not yet taken. Reading never waits for whoever takes them, so nothing that is pasted into a slow
 * command is lost and Ctrl-C is seen at once.
 *
 * Ctrl-C throws away what was typed before it, as the terminal driver of Unix does; while `onInterrupt` is set it
 * goes there, else it becomes a key.
 */
export class KeyQueue {
  readonly #input: NodeJS.ReadableStream;
  readonly #decoder = new KeyDecoder();
  #keys: Key[] = [];
  /** The next key to take is `#keys[#head]`. */
  #head = 0;
  #size = 0;
  #end: InputEnd | undefined;
  #overflowed = false;
  #wake: (() => void) | undefined;

  onInterrupt: (() => void) | undefined;
  onClosed: (() => void) | undefined;

  constructor(input: NodeJS.ReadableStream) {
    this.#input = input;
    input.on('data', this.#onData);
    input.on('end', this.#onFinish);
    input.on('close', this.#onClose);
    input.on('error', this.#onClose);
    // An earlier terminal on the same line has paused it.
    input.resume();
  }

  /** More was typed ahead than is kept; from then on everything but Ctrl-C is dropped. */
  get overflowed(): boolean {
    return this.#overflowed;
  }

  get isEmpty(): boolean {
    return this.#head >= this.#keys.length;
  }

  /** The next key; the way it ended when there is none left; undefined once `signal` is aborted. */
  async next(signal?: AbortSignal): Promise<Key | InputEnd | undefined> {
    while (this.isEmpty) {
      if (signal?.aborted === true) return undefined;
      if (this.#end !== undefined) return this.#end;
      await this.#arrival(signal);
    }
    if (signal?.aborted === true) return undefined;
    const key = this.#keys[this.#head];
    if (key === undefined) return undefined;
    this.#head += 1;
    this.#size -= sizeOf(key);
    if (this.isEmpty) {
      this.#keys = [];
      this.#head = 0;
    }
    return key;
  }

  close(): void {
    this.#input.off('data', this.#onData);
    this.#input.off('end', this.#onFinish);
    this.#input.off('close', this.#onClose);
    this.#input.off('error', this.#onClose);
    this.#input.pause();
    this.#wake?.();
  }

  readonly #onData = (chunk: Buffer | string): void => {
    for (const key of this.#decoder.push(Buffer.from(chunk))) {
      if (key.kind === 'key' && key.name === 'ctrl-c') this.#interrupt(key);
      else this.#put(key);
    }
    this.#wake?.();
  };

  /** A terminal in raw mode has no end of file but the hang-up. */
  readonly #onFinish = (): void =>
    this.#finish((this.#input as { isTTY?: boolean }).isTTY ? 'closed' : 'eof');
  readonly #onClose = (): void => this.#finish('closed');

  #finish(end: InputEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    if (end === 'closed') this.#flush();
    this.#wake?.();
    if (end === 'closed') this.onClosed?.();
  }

  #put(key: Key): void {
    const size = sizeOf(key);
    if (this.#size + size > MAX_AHEAD) this.#overflowed = true;
    if (this.#overflowed) return;
    this.#keys.push(key);
    this.#size += size;
  }

  #interrupt(key: Key): void {
    this.#flush();
    if (this.onInterrupt !== undefined) this.onInterrupt();
    else this.#put(key);
  }

  #flush(): void {
    this.#keys = [];
    this.#head = 0;
    this.#size = 0;
    this.#overflowed = false;
  }

  async #arrival(signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const onAbort = () => resolve();
    this.#wake = resolve;
    signal?.addEventListener('abort', onAbort, { once: true });
    await promise;
    signal?.removeEventListener('abort', onAbort);
  }
}

/** Typed ahead at most, in UTF-16 units of text and keys. */
const MAX_AHEAD = 4 * 1024 * 1024;

function sizeOf(key: Key): number {
  return key.kind === 'text' ? key.text.length : 1;
}
