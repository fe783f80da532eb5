/** Width of a bin of {@link Recording.bins}, milliseconds. */
export const BIN_MS = 100;

/**
 * What has to come for a stall to be over: a few packets that trickle in are no download that goes on. Takes 20 ms at
 * 400 Mbit/s.
 */
const FLOWING_BYTES = 1_000_000;

/** What came when, from the first byte on. All times are milliseconds since then, and given in order. */
export class Recording {
  readonly #arrivals: { at: number; bytes: number }[] = [];
  #end = 0;

  add(at: number, bytes: number): void {
    this.#arrivals.push({ at, bytes });
    this.#end = at;
  }

  /** Nothing more has come until now; what has come later is left out. */
  end(at: number): void {
    while ((this.#arrivals.at(-1)?.at ?? 0) > at) this.#arrivals.pop();
    this.#end = at;
  }

  /** How many bytes came in each {@link BIN_MS}, as far as these are over. */
  get bins(): number[] {
    const bins = new Array<number>(Math.floor(this.#end / BIN_MS)).fill(0);
    for (const { at, bytes } of this.#arrivals) {
      const bin = Math.floor(at / BIN_MS);
      if (bin < bins.length) bins[bin] = (bins[bin] ?? 0) + bytes;
    }
    return bins;
  }

  /**
   * The longest time in which less than a megabyte came, of those that begin between these two. It may end after the
   * second. What goes on at the first is counted from there.
   */
  longestStall(from: number, to: number): number {
    const later = this.#arrivals.filter(({ at }) => at > from);
    let longest = 0;
    let begin = from;
    // How many bytes have come since `begin`, up to the arrival before `next`.
    let [bytes, next] = [0, 0];
    for (const arrival of later) {
      while (bytes < FLOWING_BYTES && next < later.length) bytes += later[next++]?.bytes ?? 0;
      const over = bytes < FLOWING_BYTES ? this.#end : (later[next - 1]?.at ?? this.#end);
      longest = Math.max(longest, over - begin);
      // What came at the beginning of the next one is no part of it.
      begin = arrival.at;
      bytes -= arrival.bytes;
      if (begin >= to) return longest;
    }
    return Math.max(longest, this.#end - begin);
  }
}
