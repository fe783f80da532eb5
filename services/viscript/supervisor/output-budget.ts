/** What an app may write at once before anything of it is left out, and how much more each second. */
const burst = 1_048_576;
const perSecond = 131_072;
/** A line costs its bytes and so much more: an empty one takes as much work as a long one. */
const lineCost = 100;
/** Once something was left out nothing passes until so much has come together: few long gaps instead of many short ones. */
const resumeAt = 262_144;

/** How much of one app's output passes: a bucket of bytes and lines, on the clock that never goes back. */
export class OutputBudget {
  #left = burst;
  #at = performance.now();
  #closed = false;

  /** How much of the chunk passes, in bytes from its start. */
  take(chunk: Buffer): number {
    this.#refill();
    if (this.#closed && this.#left < resumeAt) return 0;
    this.#closed = false;
    let passed = 0;
    while (passed < chunk.length) {
      const feed = chunk.indexOf(0x0a, passed);
      const next = feed === -1 ? chunk.length : feed + 1;
      const cost = next - passed + (feed === -1 ? 0 : lineCost);
      if (cost > this.#left) {
        this.#closed = true;
        return passed;
      }
      this.#left -= cost;
      passed = next;
    }
    return passed;
  }

  /** Milliseconds until something passes again. */
  resumesIn(): number {
    this.#refill();
    return this.#closed ? Math.max(0, ((resumeAt - this.#left) / perSecond) * 1000) : 0;
  }

  #refill(): void {
    const now = performance.now();
    this.#left = Math.min(burst, this.#left + ((now - this.#at) / 1000) * perSecond);
    this.#at = now;
  }
}
