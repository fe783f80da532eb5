import { PING_BYTES } from './frames.ts';

/** Pings that are remembered; older ones cannot be answered any more. */
const remembered = 64;
/** A ping counts as lost when it was not answered within this many milliseconds. */
const lostAfterMs = 3_000;

interface Ping {
  sentAt: number;
  answered: boolean;
}

/** The pings that were sent on one way to a neighbour, and what their answers tell about it. */
export class Pings {
  readonly #pings: Ping[] = [];
  /** Number of the oldest that is remembered. */
  #first = 0;
  #answeredAt = Number.NEGATIVE_INFINITY;

  /** One was answered lately. */
  get answered(): boolean {
    return performance.now() - this.#answeredAt <= lostAfterMs;
  }

  /** Part of the latest pings that were lost, 0–1. */
  get loss(): number {
    const deadline = performance.now() - lostAfterMs;
    const decided = this.#pings.filter(({ answered, sentAt }) => answered || sentAt < deadline);
    if (decided.length === 0) return 0;
    return decided.filter(({ answered }) => !answered).length / decided.length;
  }

  /** @returns what the next PING carries */
  next(): Buffer {
    const payload = Buffer.alloc(PING_BYTES);
    payload.writeBigUInt64BE(BigInt(this.#first + this.#pings.length));
    this.#pings.push({ sentAt: performance.now(), answered: false });
    if (this.#pings.length > remembered) {
      this.#pings.shift();
      this.#first++;
    }
    return payload;
  }

  /** @returns how many seconds it took, undefined for an answer to nothing, or one that came before */
  answer(payload: Buffer): number | undefined {
    const ping = this.#pings[Number(payload.readBigUInt64BE()) - this.#first];
    if (ping === undefined || ping.answered) return undefined;
    ping.answered = true;
    this.#answeredAt = performance.now();
    return (this.#answeredAt - ping.sentAt) / 1000;
  }
}
