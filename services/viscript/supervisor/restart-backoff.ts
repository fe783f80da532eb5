import { Backoff, type BackoffOptions } from '../../signal/backoff.ts';

export interface RestartBackoffOptions extends Partial<BackoffOptions> {
  /** A run that was ready for this long, in milliseconds, makes the next failure count as a first one. */
  stableMs?: number;
}

/** So many failures in a row are a crash loop. */
export const crashLoopFailures = 5;

/** How long to wait before an app is started again: not at all the first time, then ever longer. Never gives up. */
export class RestartBackoff {
  readonly stableMs: number;
  readonly #delays: Backoff;
  #failures = 0;

  /** @param failures in a row that were counted before, by a supervisor that ran before this one */
  constructor({ stableMs = 60_000, ...delays }: RestartBackoffOptions = {}, failures = 0) {
    this.#delays = new Backoff({ firstMs: 250, maxMs: 60_000, ...delays });
    this.stableMs = stableMs;
    // Past some dozens of steps every delay is the cap.
    for (let count = 0; count < Math.min(failures, 64); count++) this.next();
    this.#failures = failures;
  }

  /** In a row, without a stable run between them. */
  get failures(): number {
    return this.#failures;
  }

  /** @returns milliseconds to wait after one more failure. */
  next(): number {
    this.#failures++;
    return this.#failures === 1 ? 0 : this.#delays.next();
  }

  /** The app runs as it should. */
  reset(): void {
    this.#failures = 0;
    this.#delays.reset();
  }
}
