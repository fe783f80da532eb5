/** Width of a bin of {@link Recording.bins}, milliseconds. */
export const BIN_MS = 100;

/** Shorter times without a byte are not remembered: they are there between any two reads. */
const SHORTEST_SILENCE_MS = 10;

/** What came when, from the first byte on. All times are milliseconds since then, and given in order. */
export class Recording {
  readonly #bins: number[] = [];
  readonly #silences: { from: number; to: number }[] = [];
  #last = 0;

  /** How many bytes came in each {@link BIN_MS}. */
  get bins(): readonly number[] {
    return this.#bins;
  }

  add(at: number, bytes: number): void {
    this.#hear(at);
    const bin = Math.floor(at / BIN_MS);
    while (this.#bins.length <= bin) this.#bins.push(0);
    this.#bins[bin] = (this.#bins[bin] ?? 0) + bytes;
  }

  /** Nothing more has come until now, and nothing will; a bin that is not over is left out. */
  end(at: number): void {
    this.#hear(at);
    const whole = Math.floor(at / BIN_MS);
    this.#bins.splice(whole);
    while (this.#bins.length < whole) this.#bins.push(0);
  }

  /**
   * The longest time without a byte that begins between these two, or goes on at the first, from where it is counted then.
   * It may end after the second. 0 when bytes came all the time.
   */
  longestSilence(from: number, to: number): number {
    const within = this.#silences.filter((each) => each.to > from && each.from < to);
    return Math.max(0, ...within.map((each) => each.to - Math.max(each.from, from)));
  }

  #hear(at: number): void {
    if (at - this.#last >= SHORTEST_SILENCE_MS) this.#silences.push({ from: this.#last, to: at });
    this.#last = at;
  }
}
