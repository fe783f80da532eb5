export interface RingBounds {
  maxLines: number;
  maxCharacters: number;
}

/** The newest lines: no more than so many, and no more characters together than one line may have or the bound says. */
export class LineRing<Line extends { text: string }> {
  readonly #bounds: RingBounds;
  readonly #lines: Line[] = [];
  #characters = 0;

  constructor(bounds: RingBounds) {
    this.#bounds = bounds;
  }

  get characters(): number {
    return this.#characters;
  }

  add(line: Line): void {
    const { maxLines, maxCharacters } = this.#bounds;
    this.#lines.push(line);
    this.#characters += line.text.length;
    while (this.#lines.length > maxLines || (this.#characters > maxCharacters && this.#lines.length > 1)) {
      this.#characters -= this.#lines.shift()?.text.length ?? 0;
    }
  }

  /** @returns the last `count` lines, oldest first */
  last(count = Number.POSITIVE_INFINITY): Line[] {
    return count <= 0 ? [] : this.#lines.slice(-count);
  }
}
