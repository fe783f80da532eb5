/**
 * The end of a stream of bytes, with places in it counted from its beginning. What is dropped at the front ends with a
 * line where there is one, so that no escape sequence is shown from its middle on.
 */
export class History {
  readonly #limit: number;
  #chunks: Buffer[] = [];
  #length = 0;
  #end = 0;

  /** @param limit bytes that are kept */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Place after the last byte. */
  get end(): number {
    return this.#end;
  }

  add(bytes: Buffer): void {
    if (bytes.length === 0) return;
    // A copy: what comes from a port is a part of a larger buffer, which would stay as long as this does.
    this.#chunks.push(Buffer.from(bytes));
    this.#length += bytes.length;
    this.#end += bytes.length;
    // Small pieces are joined, or each would cost more than it holds.
    if (this.#length > 2 * this.#limit || this.#chunks.length > 1024) this.#chunks = [this.#kept()];
    this.#length = this.#chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  }

  /** What came from a place on, as far as it is kept, and how many bytes before that are not. */
  from(place: number): { bytes: Buffer; missing: number } {
    const kept = this.#kept();
    const wanted = Math.max(0, this.#end - place);
    const bytes = wanted >= kept.length ? kept : kept.subarray(kept.length - wanted);
    return { bytes, missing: wanted - bytes.length };
  }

  /** Place at which the last line begins, as far as it is kept. */
  get lastLine(): number {
    const kept = this.#kept();
    return this.#end - (kept.length - (kept.lastIndexOf(0x0a) + 1));
  }

  #kept(): Buffer {
    const all =
      this.#chunks.length === 1 ? (this.#chunks[0] ?? Buffer.alloc(0)) : Buffer.concat(this.#chunks);
    const start = all.length - this.#limit;
    if (start <= 0) return all;
    const lineEnd = all.indexOf(0x0a, start);
    return all.subarray(lineEnd < 0 ? start : lineEnd + 1);
  }
}
