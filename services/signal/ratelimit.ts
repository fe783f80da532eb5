export interface RateLimitOptions {
  /** How many may come at once. */
  burst: number;
  /** How many may come each second for ever. */
  perSecond: number;
}

/** A token bucket on the monotonic clock. */
export class RateLimit {
  readonly #options: RateLimitOptions;
  readonly #now: () => number;
  #tokens: number;
  #at: number;

  /** @param now milliseconds of a clock that never goes back */
  constructor(options: RateLimitOptions, now: () => number = () => performance.now()) {
    this.#options = options;
    this.#now = now;
    this.#tokens = options.burst;
    this.#at = now();
  }

  /** Takes `count` at once; false, and nothing taken, when there are fewer. */
  take(count: number): boolean {
    const now = this.#now();
    const { burst, perSecond } = this.#options;
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#at) / 1000) * perSecond);
    this.#at = now;
    if (this.#tokens < count) return false;
    this.#tokens -= count;
    return true;
  }
}
