/** Bytes at the start of each record that tell how long it is. */
export const RECORD_HEAD_BYTES = 4;

/**
 * Cuts a stream of bytes into records. Holds at most one of them. A record that lies within one chunk is a slice of it,
 * any other one is copied once.
 */
export class RecordSplitter {
  readonly #lengthOf: (head: Buffer) => number;
  readonly #head = Buffer.alloc(RECORD_HEAD_BYTES);
  #headFilled = 0;
  #record: Buffer | undefined;
  #filled = 0;

  /** @param lengthOf bytes of the record with this head, the head itself among them; bounds them, or throws */
  constructor(lengthOf: (head: Buffer) => number) {
    this.#lengthOf = lengthOf;
  }

  /** Gives each record that is complete to `take`. @throws what `lengthOf` and `take` throw; the stream is no use then */
  push(chunk: Buffer, take: (record: Buffer) => void): void {
    let start = 0;
    while (start < chunk.length) {
      if (this.#record !== undefined) start = this.#fill(this.#record, chunk, start, take);
      else if (this.#headFilled > 0 || chunk.length - start < RECORD_HEAD_BYTES)
        start = this.#fillHead(chunk, start, take);
      else start = this.#begin(chunk, start, take);
    }
  }

  #begin(chunk: Buffer, start: number, take: (record: Buffer) => void): number {
    const length = this.#lengthOf(chunk.subarray(start, start + RECORD_HEAD_BYTES));
    const end = start + length;
    if (end <= chunk.length) {
      take(chunk.subarray(start, end));
      return end;
    }
    this.#record = Buffer.allocUnsafeSlow(length);
    this.#filled = 0;
    return start;
  }

  #fill(record: Buffer, chunk: Buffer, start: number, take: (record: Buffer) => void): number {
    const copied = chunk.copy(record, this.#filled, start);
    this.#filled += copied;
    if (this.#filled === record.length) {
      this.#record = undefined;
      take(record);
    }
    return start + copied;
  }

  #fillHead(chunk: Buffer, start: number, take: (record: Buffer) => void): number {
    const end = start + chunk.copy(this.#head, this.#headFilled, start);
    this.#headFilled += end - start;
    if (this.#headFilled < RECORD_HEAD_BYTES) return end;
    this.#headFilled = 0;
    this.#record = Buffer.allocUnsafeSlow(this.#lengthOf(this.#head));
    this.#filled = this.#head.copy(this.#record);
    return this.#fill(this.#record, chunk, end, take);
  }
}
