/** Weight of the newest second in what is told. */
const newest = 0.25;

/** Measures which part of the time something was busy, smoothed over some seconds. */
export class LoadMeter {
  #load = 0;
  #busySince: number | undefined;
  #busyMs = 0;
  #periodStart = performance.now();

  /** From 0, never busy, to 1, always. */
  get load(): number {
    return this.#load;
  }

  set busy(busy: boolean) {
    if (busy === (this.#busySince !== undefined)) return;
    const now = performance.now();
    if (this.#busySince !== undefined) this.#busyMs += now - this.#busySince;
    this.#busySince = busy ? now : undefined;
  }

  /** Ends a period. */
  tick(): void {
    const now = performance.now();
    if (this.#busySince !== undefined) {
      this.#busyMs += now - this.#busySince;
      this.#busySince = now;
    }
    const passed = now - this.#periodStart;
    if (passed > 0) this.#load += newest * (Math.min(1, this.#busyMs / passed) - this.#load);
    this.#busyMs = 0;
    this.#periodStart = now;
  }
}
