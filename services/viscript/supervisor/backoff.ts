export interface BackoffOptions {
  /** Delay of the second restart in a row, milliseconds; the first one follows at once. */
  baseMs?: number;
  /** No delay is longer than this, milliseconds. */
  capMs?: number;
  /** A run at least this long, in milliseconds, makes the next failure count as a first one. */
  stableMs?: number;
  /** Share of the delay that is random, 0 to 1, so that apps which fell together do not come back together. */
  jitter?: number;
  /** Uniform in [0, 1). */
  random?: () => number;
}

/** How long to wait before an app is started again: 0, base, 2 × base, 4 × base … up to a cap. Never gives up. */
export class Backoff {
  readonly #baseMs: number;
  readonly #capMs: number;
  readonly #stableMs: number;
  readonly #jitter: number;
  readonly #random: () => number;
  #failures = 0;

  constructor(options: BackoffOptions = {}) {
    this.#baseMs = options.baseMs ?? 250;
    this.#capMs = options.capMs ?? 60_000;
    this.#stableMs = options.stableMs ?? 60_000;
    this.#jitter = options.jitter ?? 0.2;
    this.#random = options.random ?? Math.random;
  }

  /** @returns milliseconds to wait after a run that lasted `ranMs`. */
  next(ranMs: number): number {
    if (ranMs >= this.#stableMs) this.#failures = 0;
    const failures = this.#failures++;
    if (failures === 0) return 0;
    const delay = Math.min(this.#capMs, this.#baseMs * 2 ** (failures - 1));
    return delay * (1 - this.#jitter * this.#random());
  }
}
