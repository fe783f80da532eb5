/** Notices that nothing has been heard for too long. */
export class Silence implements Disposable {
  readonly #most: number;
  readonly #over = Promise.withResolvers<never>();
  #timer: NodeJS.Timeout;

  /** @param most how long it may be, in milliseconds */
  constructor(most: number) {
    this.#most = most;
    this.#timer = this.#wait();
    // Whoever does not wait for it any more does not care.
    this.over.catch(() => undefined);
  }

  /** Rejects when it has lasted too long. */
  get over(): Promise<never> {
    return this.#over.promise;
  }

  /** To be called for all that is heard. */
  readonly heard = (): void => {
    clearTimeout(this.#timer);
    this.#timer = this.#wait();
  };

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }

  #wait(): NodeJS.Timeout {
    return setTimeout(
      () => this.#over.reject(new Error(`nothing was heard for ${this.#most / 1000} s`)),
      this.#most,
    );
  }
}
