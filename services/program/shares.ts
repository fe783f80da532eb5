/**
 * Room that sources share: none has more of it than is left for all others. So whoever is alone has half, and whatever one
 * takes, there is room for the next.
 */
export class Shares {
  readonly #max: number;
  /** What each source has, at least 1. */
  readonly #taken = new Map<string, number>();
  #total = 0;

  /** @param max that all of them have together */
  constructor(max: number) {
    this.#max = max;
  }

  /** Nothing is left for anybody. */
  get isFull(): boolean {
    return this.#total >= this.#max;
  }

  /** @returns false, and nothing is taken, when the source has as much as is left */
  take(source: string): boolean {
    const taken = this.#taken.get(source) ?? 0;
    if (taken >= this.#max - this.#total) return false;
    this.#taken.set(source, taken + 1);
    this.#total++;
    return true;
  }

  /** Gives one back that the source has taken. */
  give(source: string): void {
    const left = (this.#taken.get(source) ?? 0) - 1;
    if (left < 0) throw new RangeError(`${source} has nothing to give back`);
    if (left === 0) this.#taken.delete(source);
    else this.#taken.set(source, left);
    this.#total--;
  }
}
