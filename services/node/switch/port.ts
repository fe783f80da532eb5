import type { Rule } from '../../net/control/rules.ts';

/** Bytes of DATA that may be under way to a neighbour on one label, before it has passed some of them on. */
export const initialCredit = 2 * 1024 * 1024;
/** Credit is given back in pieces of this many bytes, so that it costs few frames. */
const creditStep = initialCredit / 2;
/** A shorter payload is copied when it has to wait: as a slice it would keep the whole block alive that it was read in. */
const copiedBytes = 16 * 1024;

/** Something that gets its credit back once its bytes were passed on. */
export interface Source {
  settle(bytes: number): void;
}

interface Waiting {
  parts: readonly Buffer[];
  bytes: number;
  from: Source | undefined;
}

/** What was received on one label of one link, and is to be given back as credit. It ends with its link. */
class Received implements Source {
  readonly #giveCredit: (bytes: number) => void;
  /** Not yet given back as credit. */
  #held = 0;
  /** Of these, passed on. */
  #owed = 0;
  #over = false;

  constructor(giveCredit: (bytes: number) => void) {
    this.#giveCredit = giveCredit;
  }

  /** @returns false when the neighbour has sent more than it may */
  add(bytes: number): boolean {
    this.#held += bytes;
    return this.#held <= initialCredit;
  }

  settle(bytes: number): void {
    this.#owed += bytes;
    if (this.#over || this.#owed < creditStep) return;
    this.#held -= this.#owed;
    this.#giveCredit(this.#owed);
    this.#owed = 0;
  }

  /** The link has gone: what came over it gives no credit on the next one. */
  end(): void {
    this.#over = true;
  }
}

/**
 * One label on one link: what may still be sent on it, what waits for that, and what was received on it.
 *
 * INVARIANT: `credit` + bytes under way + bytes the neighbour has not passed on = {@link initialCredit}.
 */
export class Port {
  readonly label: number;
  readonly rule: Rule;
  readonly #giveCredit: (bytes: number) => void;
  readonly #waiting: Waiting[] = [];
  #credit = initialCredit;
  #received: Received;

  constructor(label: number, rule: Rule, giveCredit: (bytes: number) => void) {
    this.label = label;
    this.rule = rule;
    this.#giveCredit = giveCredit;
    this.#received = new Received(giveCredit);
  }

  /** To be told when what was received on the link there is now was passed on. */
  get source(): Source {
    return this.#received;
  }

  /** Something could be sent at once. */
  get open(): boolean {
    return this.#waiting.length === 0 && this.#credit > 0;
  }

  /** The first that waits has credit. */
  get sendable(): boolean {
    const [first] = this.#waiting;
    return first !== undefined && this.#credit >= first.bytes;
  }

  /** @returns false when the neighbour has sent more than it may */
  receive(bytes: number): boolean {
    return this.#received.add(bytes);
  }

  /** Takes credit for a payload that goes out now. @returns whether there was enough, and nothing waits before it */
  take(bytes: number): boolean {
    if (this.#waiting.length > 0 || this.#credit < bytes) return false;
    this.#credit -= bytes;
    return true;
  }

  wait(parts: readonly Buffer[], bytes: number, from: Source | undefined): void {
    const kept = parts.map((part) => (part.length < copiedBytes ? Buffer.from(part) : part));
    this.#waiting.push({ parts: kept, bytes, from });
  }

  /** Takes the first that waits, for which there is credit. */
  shift(): Waiting | undefined {
    if (!this.sendable) return undefined;
    const first = this.#waiting.shift();
    if (first) this.#credit -= first.bytes;
    return first;
  }

  /** The neighbour has passed on this many bytes. @returns false when it gives back more than it got */
  addCredit(bytes: number): boolean {
    this.#credit += bytes;
    return this.#credit <= initialCredit;
  }

  /** The link has gone, and what waited with it: it starts anew, and those from whom it came get their credit back. */
  reset(): void {
    this.#credit = initialCredit;
    this.#received.end();
    this.#received = new Received(this.#giveCredit);
    for (const { bytes, from } of this.#waiting.splice(0)) from?.settle(bytes);
  }
}
