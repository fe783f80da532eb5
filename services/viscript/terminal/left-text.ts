/**
 * Text that grows at its end, of which mostly the end is looked at. Cutting pieces out of one string of a megabyte
 * that has just grown makes V8 copy all of it, at every key; so the end is kept apart.
 *
 * INVARIANT: `near` holds the last `KEPT / 2` units at least, or everything.
 */
export class LeftText {
  #far = '';
  #near = '';

  get length(): number {
    return this.#far.length + this.#near.length;
  }
  /** The end of the text. */
  get near(): string {
    return this.#near;
  }
  /** UTF-16 units that come before `near`. */
  get hidden(): number {
    return this.#far.length;
  }

  set(text: string): void {
    const cut = Math.max(0, text.length - KEPT);
    this.#far = text.slice(0, cut);
    this.#near = text.slice(cut);
  }

  append(text: string): void {
    this.#near += text;
    if (this.#near.length <= 2 * KEPT) return;
    const cut = this.#near.length - KEPT;
    this.#far += this.#near.slice(0, cut);
    this.#near = this.#near.slice(cut);
  }

  /** Keeps the first `length` units. */
  truncate(length: number): void {
    const kept = length - this.#far.length;
    if (this.#far === '' || kept >= KEPT / 2) this.#near = this.#near.slice(0, kept);
    else this.set(this.toString().slice(0, length));
  }

  toString(): string {
    return this.#far + this.#near;
  }
}

/** UTF-16 units: several times what the widest terminal shows. */
const KEPT = 8192;
