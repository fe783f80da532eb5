import { CircuitViolation, type Range } from './messages.ts';

/** Most unacknowledged bytes of one circuit, kept to be sent again. */
export const maxUnackedBytes = 16 * 1024 * 1024;
/** Milliseconds without progress after which records go out on the warm path too: at least, and in round trips. */
const hedgeMinMs = 50;
const hedgeRoundTrips = 4;
/** The same records are hedged once in so many milliseconds. */
const hedgeAgainMs = 1_000;
/** Of what is sent again on the path on which it was sent before. */
const sameAgainBytes = 256 * 1024;

interface Sent {
  message: readonly Buffer[];
  bytes: number;
  at: number;
  again: boolean;
}

/**
 * Records that were sent and are not acknowledged yet. Times are milliseconds of a clock that only goes forward.
 *
 * INVARIANT: a record is sealed once; what is sent again is the same bytes.
 */
export class Sender {
  readonly #unacked = new Map<number, Sent>();
  #next = 0;
  #bytes = 0;
  /** What the other end takes beyond what it has acknowledged. */
  #takes = maxUnackedBytes;
  #progressAt = 0;
  #hedgedUpTo = -1;
  #hedgedAt = Number.NEGATIVE_INFINITY;
  #smoothed: number | undefined;

  /** Number of the next record. */
  get next(): number {
    return this.#next;
  }

  get idle(): boolean {
    return this.#unacked.size === 0;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** There is room for another record. */
  get open(): boolean {
    return this.#bytes < Math.min(maxUnackedBytes, this.#takes);
  }

  /** Smoothed milliseconds from a record to its acknowledgement. */
  get roundTrip(): number | undefined {
    return this.#smoothed;
  }

  /** Keeps a record that is being sent, under the number {@link next}. */
  add(message: readonly Buffer[], bytes: number, now: number): void {
    if (this.idle) this.#progressAt = now;
    this.#unacked.set(this.#next++, { message, bytes, at: now, again: false });
    this.#bytes += bytes;
  }

  /** @throws {CircuitViolation} when it acknowledges what was never sent */
  acknowledge(next: number, takes: number, ranges: readonly Range[], now: number): void {
    if (next > this.#next) throw new CircuitViolation('the other end acknowledges what was never sent');
    this.#takes = takes;
    let newest: Sent | undefined;
    for (const [number, sent] of this.#unacked) {
      if (number >= next) break;
      newest = this.#remove(number, sent);
    }
    for (const { first, length } of ranges) {
      // A range is at most as long as what is under way, whatever it says.
      const end = Math.min(first + length, this.#next);
      for (let number = Math.max(first, next); number < end; number++) {
        const sent = this.#unacked.get(number);
        if (sent) newest = this.#remove(number, sent);
      }
    }
    if (newest === undefined) return;
    this.#progressAt = now;
    // Karn: of a record that was sent twice nobody knows which one is acknowledged.
    if (!newest.again) this.#measure(now - newest.at);
  }

  /** Records to send also on the warm path, by first and last number; undefined when it is not time. */
  hedge(now: number): { next: number; last: number } | undefined {
    if (this.idle) return undefined;
    const patience = Math.max(hedgeMinMs, hedgeRoundTrips * (this.#smoothed ?? 0));
    if (now - this.#progressAt < patience) return undefined;
    const [first] = this.#unacked.keys();
    const again = now - this.#hedgedAt >= hedgeAgainMs;
    const next = again ? (first as number) : Math.max(first as number, this.#hedgedUpTo + 1);
    const last = this.#next - 1;
    if (next > last) return undefined;
    if (again) this.#hedgedAt = now;
    this.#hedgedUpTo = last;
    return { next, last };
  }

  /** The same where no other path is up. */
  repeat(now: number): { next: number; last: number } | undefined {
    if (this.idle || now - Math.max(this.#progressAt, this.#hedgedAt) < hedgeAgainMs) return undefined;
    this.#hedgedAt = now;
    let bytes = 0;
    let last = 0;
    for (const [number, sent] of this.#unacked) {
      last = number;
      bytes += sent.bytes;
      if (bytes >= sameAgainBytes) break;
    }
    const [next] = this.#unacked.keys();
    return { next: next as number, last };
  }

  /** All that is unacknowledged, by first and last number. */
  all(): { next: number; last: number } | undefined {
    const [next] = this.#unacked.keys();
    return next === undefined ? undefined : { next, last: this.#next - 1 };
  }

  /** A record to be sent again; undefined when it was acknowledged meanwhile. */
  again(number: number): readonly Buffer[] | undefined {
    const sent = this.#unacked.get(number);
    if (sent) sent.again = true;
    return sent?.message;
  }

  #remove(number: number, sent: Sent): Sent {
    this.#unacked.delete(number);
    this.#bytes -= sent.bytes;
    return sent;
  }

  #measure(sample: number): void {
    this.#smoothed = this.#smoothed === undefined ? sample : this.#smoothed + (sample - this.#smoothed) / 8;
  }
}
