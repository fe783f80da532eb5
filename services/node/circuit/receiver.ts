import { MAX_RANGES, type Range } from './messages.ts';
import { maxAhead, maxUnackedBytes } from './sender.ts';

/** An acknowledgement is due after so many bytes. */
const ackEveryBytes = 1024 * 1024;

/**
 * Puts records into their order, each once.
 *
 * INVARIANT: what is held lies past `next` and has at most {@link maxUnackedBytes} together.
 */
export class Receiver {
  readonly #ahead = new Map<number, Buffer>();
  #next = 0;
  #held = 0;
  #sinceAck = 0;
  /** Whether an acknowledgement is due: at once, soon or not. */
  due: 'now' | 'soon' | undefined;

  get next(): number {
    return this.#next;
  }

  /** Whether any record has come. */
  get hasSome(): boolean {
    return this.#next > 0 || this.#ahead.size > 0;
  }

  /** Bytes that this end still takes beyond those acknowledged. */
  get takes(): number {
    return maxUnackedBytes - this.#held;
  }

  /** Whether a record with this number is still wanted. To be asked before it is opened. */
  wants(number: number): boolean {
    const wanted = number >= this.#next && number < this.#next + maxAhead && !this.#ahead.has(number);
    if (!wanted) this.due = 'now';
    return wanted;
  }

  /** @param number one that is wanted @returns the records that are next, in order */
  take(number: number, plaintext: Buffer): Buffer[] {
    this.#sinceAck += plaintext.length;
    this.due = this.#sinceAck >= ackEveryBytes ? 'now' : (this.due ?? 'soon');
    if (number !== this.#next) {
      // The first of a gap tells the sender of it; the others are told together.
      if (this.#ahead.size === 0) this.due = 'now';
      if (this.#held + plaintext.length > maxUnackedBytes) return [];
      this.#ahead.set(number, plaintext);
      this.#held += plaintext.length;
      return [];
    }
    this.#next++;
    if (this.#ahead.size === 0) return [plaintext];
    const records = [plaintext];
    for (let next = this.#ahead.get(this.#next); next; next = this.#ahead.get(this.#next)) {
      this.#ahead.delete(this.#next);
      this.#held -= next.length;
      this.#next++;
      records.push(next);
    }
    return records;
  }

  /** An acknowledgement has been sent. */
  acknowledged(): void {
    this.#sinceAck = 0;
    this.due = undefined;
  }

  /** What came past the next record. */
  get ranges(): Range[] {
    if (this.#ahead.size === 0) return [];
    const numbers = [...this.#ahead.keys()].sort((a, b) => a - b);
    const ranges: Range[] = [];
    for (const number of numbers) {
      const range = ranges.at(-1);
      if (range && range.first + range.length === number) range.length++;
      else if (ranges.length < MAX_RANGES) ranges.push({ first: number, length: 1 });
      else break;
    }
    return ranges;
  }
}
