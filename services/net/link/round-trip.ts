/** Weight of a new measurement (RFC 6298, section 2). */
const alpha = 1 / 8;

/** A smoothed round-trip time, as in RFC 6298. */
export class RoundTrip {
  #smoothed: number | undefined;

  /** Seconds; 0 before the first measurement. */
  get seconds(): number {
    return this.#smoothed ?? 0;
  }

  measured(seconds: number): void {
    this.#smoothed =
      this.#smoothed === undefined ? seconds : this.#smoothed + alpha * (seconds - this.#smoothed);
  }
}
