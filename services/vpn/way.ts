import type { Mark, Report } from './datagram.ts';

/** Datagrams that have to arrive one after the other before trains go; more after each time that this was too few. */
const FIRST_PROOF = 1_000;
const MOST_PROOF = 16_000;
/** Milliseconds of trains after which {@link FIRST_PROOF} is proof again. */
const GOOD_MS = 60_000;
/** Datagrams between two marks; with trains, which need the proof that nothing gets lost any longer, also the milliseconds. */
const MARK_DATAGRAMS = 64;
const MARK_MS = 10;
/** Of so many trains half may be missing, for links with much to send drop some; and none may come for so many milliseconds. */
const COUNTED_TRAINS = 16;
const STALL_MS = 1_000;

/**
 * Judges the way to the other end of a tunnel: whether trains may go, which links carry over their connections. Where datagrams
 * get lost they may not: connections within a connection would all wait for what the outer one sends again. The evidence is
 * what each end tells about the packets of the other one; loss in either direction counts.
 *
 * Times are milliseconds of a clock that only goes forward.
 */
export class Way {
  #proof = FIRST_PROOF;
  /** Datagrams that have arrived since the last that has not. */
  #streak = 0;
  /** Since when trains go. */
  #clearSince: number | undefined;

  #sent = 0;
  #sentMarked = 0;
  #received = 0;
  #receivedTrains = 0;
  #markAt = Number.NEGATIVE_INFINITY;
  #trainsSinceMark = false;

  /** As the reports had it: what was sent, and how many of those were missing. */
  #reported = { sent: 0, missing: 0 };
  /** Of what the other end has sent: how many were missing when its last mark came. */
  #missing = 0;

  #sentTrains = 0;
  /** As the reports had it: which train came last, how many had come when they were counted, and when there was news. */
  #trains = { next: 0, countedNext: 0, countedReceived: 0, newsAt: 0 };
  /** The same of the other end's: number of the train that may come next, and how many came. */
  #nextTrains = 0;

  /** Nothing gets lost. */
  get isClear(): boolean {
    return this.#clearSince !== undefined;
  }

  /** Datagrams other than trains go out. */
  sends(count: number): void {
    this.#sent = (this.#sent + count) >>> 0;
  }

  /** The number that a datagram with trains is to have. */
  get trainsNumber(): number {
    return this.#sentTrains;
  }

  /** It goes out. */
  sendsTrains(now: number): void {
    if (this.#sentTrains === this.#trains.next) this.#trains.newsAt = now;
    this.#sentTrains = (this.#sentTrains + 1) >>> 0;
    this.#trainsSinceMark = true;
  }

  receives(): void {
    this.#received = (this.#received + 1) >>> 0;
  }

  receivesTrains(number: number): void {
    this.#receivedTrains = (this.#receivedTrains + 1) >>> 0;
    if (distance(this.#nextTrains, number) >= 0) this.#nextTrains = (number + 1) >>> 0;
  }

  /** @returns a mark that is to be sent now, if any; it {@link sends} nothing by itself */
  mark(now: number): Mark | undefined {
    const isDue =
      distance(this.#sentMarked, this.#sent) >= MARK_DATAGRAMS ||
      (this.#trainsSinceMark && now - this.#markAt >= MARK_MS);
    if (!isDue) return undefined;
    this.#sentMarked = this.#sent;
    this.#markAt = now;
    this.#trainsSinceMark = false;
    return { sent: (this.#sent + 1) >>> 0 };
  }

  /** A mark of the other end has come, and was counted. @returns what to answer; it is to be counted when it is sent */
  marked({ sent }: Mark, now: number): Report {
    const missing = distance(this.#received, sent);
    if (missing > this.#missing) this.#lost(now);
    this.#missing = missing;
    return { sent, received: this.#received, nextTrains: this.#nextTrains, trains: this.#receivedTrains };
  }

  /** A report of the other end has come. */
  reported({ sent, received, nextTrains, trains }: Report, now: number): void {
    const fresh = distance(this.#reported.sent, sent);
    // One that was overtaken says nothing new.
    if (fresh <= 0) return;
    const missing = distance(received, sent);
    if (missing > this.#reported.missing) this.#lost(now);
    else this.#arrived(fresh, now);
    this.#reported = { sent, missing };
    this.#countTrains(nextTrains, trains, now);
  }

  #arrived(count: number, now: number): void {
    this.#streak += count;
    if (this.#clearSince === undefined) {
      if (this.#streak < this.#proof) return;
      this.#clearSince = now;
    } else if (now - this.#clearSince >= GOOD_MS) this.#proof = FIRST_PROOF;
  }

  #lost(now: number): void {
    this.#streak = 0;
    if (this.#clearSince === undefined) return;
    if (now - this.#clearSince < GOOD_MS) this.#proof = Math.min(2 * this.#proof, MOST_PROOF);
    this.#clearSince = undefined;
  }

  #countTrains(next: number, received: number, now: number): void {
    const before = this.#trains;
    const newsAt = next === before.next ? before.newsAt : now;
    this.#trains = { ...before, next, newsAt };
    const due = distance(before.countedNext, next);
    const isCount = due >= COUNTED_TRAINS;
    const stalls = distance(next, this.#sentTrains) > 0 && now - newsAt >= STALL_MS;
    if (stalls || (isCount && 2 * distance(before.countedReceived, received) < due)) this.#lost(now);
    if (isCount) this.#trains = { next, newsAt, countedNext: next, countedReceived: received };
  }
}

/** From one count to a later one, both modulo 2^32; negative when it is an earlier one. */
function distance(from: number, to: number): number {
  return (to - from) | 0;
}
