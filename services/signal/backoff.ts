export interface BackoffOptions {
  /** First delay, in milliseconds. */
  firstMs: number;
  /** No delay is longer, in milliseconds. */
  maxMs: number;
  /** Each delay is this many times the one before. Default 2. */
  factor?: number;
  /** From 0 up to 1; for tests. */
  random?: () => number;
}

/** Exponential delays with jitter: each lies between half and all of its step, so that many who wait spread out. */
export class Backoff {
  readonly #options: Required<BackoffOptions>;
  #attempt = 0;

  constructor(options: BackoffOptions) {
    this.#options = { factor: 2, random: Math.random, ...options };
  }

  /** Milliseconds to wait before the next try. */
  next(): number {
    const { firstMs, maxMs, factor, random } = this.#options;
    const step = Math.min(maxMs, firstMs * factor ** this.#attempt);
    this.#attempt++;
    return step * (0.5 + random() / 2);
  }

  /** Success: the next delay is the first one again. */
  reset(): void {
    this.#attempt = 0;
  }
}
