/** How far behind the highest number one may come late. */
export const REPLAY_WINDOW = 4096;

/** Remembers which numbers were there, as far back as {@link REPLAY_WINDOW}, in 512 bytes. */
export class ReplayWindow {
  /** A bit for each number of the window, at its place modulo the window. */
  readonly #seen = new Uint32Array(REPLAY_WINDOW / 32);
  #highest = -1;

  /**
   * Notes a number, from 0 to 2^53 − 1. Only one that is known to come from the other end: a forged one would move the
   * window away from the true ones.
   *
   * @returns false when it was there before, or is too old to tell
   */
  accept(number: number): boolean {
    if (number > this.#highest) this.#advance(number);
    else if (this.#highest - number >= REPLAY_WINDOW) return false;
    const at = number % REPLAY_WINDOW;
    const word = this.#seen[at >>> 5] ?? 0;
    const bit = 1 << (at & 31);
    if ((word & bit) !== 0) return false;
    this.#seen[at >>> 5] = word | bit;
    return true;
  }

  /** Forgets what the places of the numbers up to this one were used for before. */
  #advance(number: number): void {
    if (number - this.#highest >= REPLAY_WINDOW) this.#seen.fill(0);
    else for (let next = this.#highest + 1; next <= number; next++) this.#clear(next % REPLAY_WINDOW);
    this.#highest = number;
  }

  #clear(at: number): void {
    this.#seen[at >>> 5] = (this.#seen[at >>> 5] ?? 0) & ~(1 << (at & 31));
  }
}
