import type { EndRule } from '../../net/control/rules.ts';

/** Milliseconds: no probe is late sooner. */
const minTimeoutMs = 200;
/**
 * Variations of the round trip: twice those of RFC 6298, for a path that is left without need costs more than one that is
 * given up late, while what it does not deliver goes out on another one too.
 */
const timeoutVariations = 8;
/**
 * Before the first answer; after it, divided by the number of answers. When the first few happen to be alike, their
 * variation says little of the next one; and on a long way a transfer begins with a second or two in which probes wait
 * behind records of which none has come whole yet.
 */
const firstTimeoutMs = 4_000;
/** Answers after which enough is known of a path. */
const enoughAnswers = firstTimeoutMs / minTimeoutMs;
/** Probes without an answer after which a path is down. */
const downAfter = 3;
const maxOutstanding = 8;

/** Numbers of records that go out on a path (again), in order. */
export interface Resend {
  next: number;
  last: number;
}

/**
 * One path of a circuit, as its end sees it. Times are milliseconds of a clock that only goes forward.
 *
 * INVARIANT: a path that answers is up; one of which DOWN was heard, or that left three probes in a row unanswered, is
 * down until it answers.
 */
export class Path {
  readonly rule: EndRule;
  up: boolean;
  /** Whether DOWN was heard of it since it answered last: what was under way then is lost. One that is only silent loses nothing. */
  broke = false;
  /** When it last answered a probe. */
  lastEcho = Number.NEGATIVE_INFINITY;
  /** When the last probe went out that was due. */
  lastProbe = Number.NEGATIVE_INFINITY;
  /** What is to be sent again on it. */
  resend: Resend | undefined;
  /** Notes that wait until something can be sent on it. */
  readonly notes: Buffer[] = [];
  readonly #outstanding = new Map<number, number>();
  #aliveAt = Number.NEGATIVE_INFINITY;
  #nextId = 1;
  #answers = 0;
  #smoothed: number | undefined;
  #variation = 0;

  constructor(rule: EndRule, up: boolean) {
    this.rule = rule;
    this.up = up;
  }

  get number(): number {
    return this.rule.path;
  }

  /** Smoothed round-trip time in milliseconds; undefined before the first answer. */
  get roundTrip(): number | undefined {
    return this.#smoothed;
  }

  /** Whether it has answered often enough to tell soon when it does not any more. */
  get isKnown(): boolean {
    return this.#answers >= enoughAnswers;
  }

  /** Whether so little is known of it that another probe is worth it, as soon as none is under way. */
  get isNew(): boolean {
    return this.up && this.waiting === 0 && !this.isKnown;
  }

  /** A probe that has no answer after this many milliseconds is late. */
  get timeout(): number {
    if (this.#smoothed === undefined) return firstTimeoutMs;
    const least = Math.max(minTimeoutMs, firstTimeoutMs / this.#answers);
    return Math.max(least, this.#smoothed + timeoutVariations * this.#variation);
  }

  /** When the oldest probe without an answer was sent. */
  get waitingSince(): number | undefined {
    return this.#outstanding.values().next().value;
  }

  get waiting(): number {
    return this.#outstanding.size;
  }

  /** @returns the id of a probe that counts as sent now; the oldest is given up when too many have no answer yet */
  probe(now: number): number {
    for (const oldest of this.#outstanding.keys()) {
      if (this.#outstanding.size < maxOutstanding) break;
      this.#outstanding.delete(oldest);
    }
    const id = this.#nextId;
    this.#nextId = (id % 0xffff_ffff) + 1;
    this.#outstanding.set(id, now);
    return id;
  }

  /** An answer. @returns whether it was awaited */
  echo(id: number, now: number): boolean {
    const sent = this.#outstanding.get(id);
    if (sent === undefined) return false;
    // Answers come in the order of the probes: the ones before it were lost.
    for (const each of this.#outstanding.keys()) {
      this.#outstanding.delete(each);
      if (each === id) break;
    }
    // What was sent while it was down tells how long that was, not how long the path is.
    if (this.up) this.#measure(now - sent);
    else this.#outstanding.clear();
    this.lastEcho = now;
    this.up = true;
    return true;
  }

  /** How many probes are late. */
  late(now: number): number {
    const { timeout } = this;
    let late = 0;
    for (const sent of this.#outstanding.values()) if (now - sent > timeout) late++;
    return late;
  }

  /** A record came by it, or arrived at the other end. Probes may wait behind many of them. */
  showedLife(now: number): void {
    this.#aliveAt = now;
  }

  /** Whether it has shown by records that it works, within the time that a probe may take. */
  isAlive(now: number): boolean {
    return now - this.#aliveAt <= this.timeout;
  }

  /** Whether it has been silent for so long that it is down. */
  isSilent(now: number): boolean {
    return !this.isAlive(now) && this.late(now) >= downAfter;
  }

  down(): void {
    this.up = false;
    this.resend = undefined;
    this.notes.length = 0;
    this.#outstanding.clear();
  }

  /** As of RFC 6298. */
  #measure(sample: number): void {
    this.#answers++;
    if (this.#smoothed === undefined) {
      this.#smoothed = sample;
      this.#variation = sample / 2;
      return;
    }
    this.#variation += (Math.abs(sample - this.#smoothed) - this.#variation) / 4;
    this.#smoothed += (sample - this.#smoothed) / 8;
  }
}
