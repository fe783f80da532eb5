import { Backoff, type BackoffOptions } from '../../signal/backoff.ts';

export interface RestartBackoffOptions extends Partial<BackoffOptions> {
  /** A run at least this long, in milliseconds, makes the next failure count as a first one. */
  stableMs?: number;
}

/** How long to wait before an app is started again: not at all the first time, then ever longer. Never gives up. */
export class RestartBackoff {
  readonly #delays: Backoff;
  readonly #stableMs: number;
  #failing = false;

  constructor({ stableMs = 60_000, ...delays }: RestartBackoffOptions = {}) {
    this.#delays = new Backoff({ firstMs: 250, maxMs: 60_000, ...delays });
    this.#stableMs = stableMs;
  }

  /** @returns milliseconds to wait after a run that lasted `ranMs`. */
  next(ranMs: number): number {
    if (ranMs >= this.#stableMs) this.#failing = false;
    if (this.#failing) return this.#delays.next();
    this.#failing = true;
    this.#delays.reset();
    return 0;
  }
}
