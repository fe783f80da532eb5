import type { Duplex } from 'node:stream';

/** A signal that is aborted when a time has passed or a stream has closed, whichever is first; `using` ends both. */
export class Deadline implements Disposable {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #stream: Duplex;
  readonly #onClose = () => this.#controller.abort(new Error('the stream closed'));

  /** @param late what the signal's reason is when the time has passed */
  constructor(stream: Duplex, milliseconds: number, late: () => Error) {
    this.#stream = stream;
    this.#timer = setTimeout(() => this.#controller.abort(late()), milliseconds);
    if (stream.closed) this.#onClose();
    else stream.once('close', this.#onClose);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#stream.off('close', this.#onClose);
  }
}
