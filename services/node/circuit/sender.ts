import { CircuitViolation, type Range } from './messages.ts';

/** Most unacknowledged bytes of one circuit, kept to be sent again. */
export const maxUnackedBytes = 16 * 1024 * 1024;
/**
 * What may be unacknowledged when a circuit starts, and again after so many milliseconds in which it had nothing to send,
 * bytes. It grows by what is acknowledged, and so doubles in a round trip: what waits in front of a probe on a link whose speed
 * is not known yet grows step by step.
 */
const firstWindowBytes = 32 * 1024;
const restMs = 1_000;
/** Room in a record at least; smaller ones cost more than they spare. */
const minRoomBytes = 16 * 1024;
/** Records past the first one that is missing, whatever their size. */
export const maxAhead = 65_536;
/** Milliseconds without progress after which records go out on the warm path too: at least, and in round trips. */
const hedgeMinMs = 50;
const hedgeRoundTrips = 4;
/**
 * Milliseconds until the same records are hedged once more, twice as many each time, at most. Sent on a way that loses
 * nothing and is slow, they would only make it slower.
 */
const hedgeAgainMs = { first: 4_000, most: 16_000 };
/** The same for what is sent again on the one path there is. */
const repeatAgainMs = { first: 1_000, most: 4_000 };
/** Milliseconds: as long as nothing is known. With the round trips above it is the second of RFC 6298. */
const firstRoundTripMs = 250;
/** Of what is sent again on the path on which it was sent before. */
const sameAgainBytes = 256 * 1024;

interface Sent {
  message: readonly Buffer[];
  bytes: number;
  at: number;
  again: boolean;
  /** When it may be hedged (again), and how long to wait after that. */
  hedgeAt: number;
  hedgeWait: number;
  /** Number of the path on which it went out last. */
  path: number;
}

/** What to send again, and where: on the path in use, or on the warm one. */
export interface Hedge {
  next: number;
  last: number;
  onWarm: boolean;
}

/**
 * Records that were sent and are not acknowledged yet. Times are milliseconds of a clock that only goes forward.
 *
 * INVARIANT: a record is sealed once; what is sent again is the same bytes.
 */
export class Sender {
  readonly #unacked = new Map<number, Sent>();
  #next = 0;
  /** The first that is unacknowledged; the next one when none is. */
  #oldest = 0;
  #bytes = 0;
  /** What the other end takes beyond what it has acknowledged. */
  #takes = maxUnackedBytes;
  #window = firstWindowBytes;
  #progressAt = 0;
  #repeatAt = 0;
  #repeatWait = repeatAgainMs.first;
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
    return this.#bytes < Math.min(this.#window, this.#takes) && this.#next - this.#oldest < maxAhead;
  }

  /** Bytes of the next record that are well used, when there is room for one: some are to be under way at the same time. */
  room(now: number): number {
    this.#rest(now);
    return Math.max(minRoomBytes, Math.min(this.#window - this.#bytes, Math.floor(this.#window / 2)));
  }

  /** Smoothed milliseconds from a record to its acknowledgement. */
  get roundTrip(): number | undefined {
    return this.#smoothed;
  }

  /** Milliseconds since something was acknowledged; 0 when nothing is to be. */
  stalledFor(now: number): number {
    return this.idle ? 0 : now - this.#progressAt;
  }

  /** Keeps a record that is being sent, under the number {@link next}. */
  add(message: readonly Buffer[], bytes: number, now: number, path: number): void {
    this.#rest(now);
    if (this.idle) this.#progress(now);
    const hedge = { hedgeAt: now, hedgeWait: hedgeAgainMs.first };
    const sent = { message, bytes, at: now, again: false, ...hedge, path };
    this.#unacked.set(this.#next++, sent);
    this.#bytes += bytes;
  }

  /**
   * @returns whether it acknowledges something that was sent only once: then the way on which that went works
   * @throws {CircuitViolation} when it acknowledges what was never sent
   */
  acknowledge(next: number, takes: number, ranges: readonly Range[], now: number): boolean {
    if (next > this.#next || ranges.some(({ first, length }) => first + length > this.#next))
      throw new CircuitViolation('the other end acknowledges what was never sent');
    this.#takes = takes;
    const before = this.#bytes;
    let newest = this.#acknowledgeUpTo(this.#oldest, next);
    // Ranges are in order. Where they are not, nothing is looked at twice, so that they cost no more than what is under way.
    let from = Math.max(this.#oldest, next);
    for (const { first, length } of ranges) {
      newest = this.#acknowledgeUpTo(Math.max(from, first), first + length) ?? newest;
      from = Math.max(from, first + length);
    }
    this.#oldest = this.#first ?? this.#next;
    if (newest === undefined) return false;
    this.#grow(before);
    this.#progress(now);
    // Karn: of a record that was sent twice nobody knows which one is acknowledged.
    if (newest.again) return false;
    this.#measure(now - newest.at);
    return true;
  }

  /**
   * Records to send on another path than the last time, by first and last number; undefined when it is not time. What went
   * out on the path in use goes on the warm one, and what went elsewhere, before the paths changed, on the one in use.
   *
   * @param inUse number of the path in use
   * @param hasWarm whether there is a warm one
   * @param roundTrip of the path in use, milliseconds; counts until an acknowledgement has told more. Where that is not known
   *   either it is taken for a long one: everything would be sent twice on a long way, and of what is sent twice nothing
   *   can be learnt
   */
  hedge(now: number, inUse: number, hasWarm: boolean, roundTrip = firstRoundTripMs): Hedge | undefined {
    if (this.idle) return undefined;
    const patience = Math.max(hedgeMinMs, hedgeRoundTrips * (this.#smoothed ?? roundTrip));
    if (now - this.#progressAt < patience) return undefined;
    let hedge: Hedge | undefined;
    for (const [number, sent] of this.#unacked) {
      const onWarm = sent.path === inUse;
      const due = now >= sent.hedgeAt && (hasWarm || !onWarm);
      if (hedge && (!due || onWarm !== hedge.onWarm)) break;
      if (!due) continue;
      sent.hedgeAt = now + sent.hedgeWait;
      sent.hedgeWait = Math.min(2 * sent.hedgeWait, hedgeAgainMs.most);
      hedge = { next: hedge?.next ?? number, last: number, onWarm };
    }
    return hedge;
  }

  /** The same where no other path is up. */
  repeat(now: number): { next: number; last: number } | undefined {
    if (this.idle || now < this.#repeatAt) return undefined;
    this.#repeatWait = Math.min(2 * this.#repeatWait, repeatAgainMs.most);
    this.#repeatAt = now + this.#repeatWait;
    let bytes = 0;
    let last = 0;
    for (const [number, sent] of this.#unacked) {
      last = number;
      bytes += sent.bytes;
      if (bytes >= sameAgainBytes) break;
    }
    return { next: this.#oldest, last };
  }

  /** Another path is in use. @param roundTrip of it, milliseconds; a longer one than that of the path before counts at once */
  moved(roundTrip: number | undefined): void {
    if (this.#smoothed !== undefined && roundTrip !== undefined)
      this.#smoothed = Math.max(this.#smoothed, roundTrip);
  }

  /** All that is unacknowledged, by first and last number. */
  all(): { next: number; last: number } | undefined {
    return this.idle ? undefined : { next: this.#oldest, last: this.#next - 1 };
  }

  /** A record to be sent again, on this path; undefined when it was acknowledged meanwhile. */
  again(number: number, path: number): readonly Buffer[] | undefined {
    const sent = this.#unacked.get(number);
    if (sent === undefined) return undefined;
    sent.again = true;
    sent.path = path;
    return sent.message;
  }

  #rest(now: number): void {
    if (this.idle && now - this.#progressAt > restMs) this.#window = firstWindowBytes;
  }

  /** @param before bytes that were unacknowledged; of a window that was not used nothing is known */
  #grow(before: number): void {
    if (before < this.#window / 2) return;
    this.#window = Math.min(this.#window + before - this.#bytes, maxUnackedBytes);
  }

  #progress(now: number): void {
    this.#progressAt = now;
    this.#repeatWait = repeatAgainMs.first;
    this.#repeatAt = now + this.#repeatWait;
  }

  get #first(): number | undefined {
    return this.#unacked.keys().next().value;
  }

  /** @returns the last one of these that was unacknowledged */
  #acknowledgeUpTo(from: number, end: number): Sent | undefined {
    let newest: Sent | undefined;
    for (const number of this.#within(from, end)) {
      const sent = this.#unacked.get(number);
      if (sent === undefined) continue;
      this.#unacked.delete(number);
      this.#bytes -= sent.bytes;
      newest = sent;
    }
    return newest;
  }

  /** Numbers of a range, or those of all that is unacknowledged where these are fewer, as past a gap that stays. */
  *#within(from: number, end: number): Generator<number> {
    if (end - from <= this.#unacked.size) for (let number = from; number < end; number++) yield number;
    else for (const number of this.#unacked.keys()) if (number >= from && number < end) yield number;
  }

  #measure(sample: number): void {
    this.#smoothed = this.#smoothed === undefined ? sample : this.#smoothed + (sample - this.#smoothed) / 8;
  }
}
