import type { PublicKey } from '../../net/keys.ts';
import type { Ends } from './chain.ts';

/** What a look at a circuit has led to. */
export type Outcome =
  /** The paths of its route are in place. */
  | 'in place'
  /** Paths are in place, but not those that would be best: a node of these does not answer. */
  | 'detour'
  /** Its ends are not both connected to the manager. */
  | 'waiting'
  | 'no route'
  /** Nodes do not take the rules. */
  | 'failed'
  | 'closed';

/** Two nodes that are joined by paths. Rules of it are in the book and nowhere else. */
export class Circuit implements Ends {
  readonly id: string;
  readonly from: PublicKey;
  readonly to: PublicKey;
  /** Milliseconds of the monotonic clock. */
  readonly since = performance.now();
  /** Paths that are to go, each with the timer that ends it where it is not gone yet. */
  readonly leaving = new Map<number, NodeJS.Timeout | undefined>();
  /** The path on which its opener sends, as far as it has said. */
  inUse: number | undefined;
  outcome: Outcome = 'waiting';
  /** Ends the circuit when its opener stays away. */
  away: NodeJS.Timeout | undefined;
  /** Somebody looks at it soon. */
  scheduled = false;
  #nextPath: number;
  #work: Promise<unknown> = Promise.resolve();

  /** @param nextPath the first number that no path of it has had */
  constructor(id: string, { from, to }: Ends, nextPath = 0) {
    this.id = id;
    this.from = from;
    this.to = to;
    this.#nextPath = nextPath;
  }

  takeNumber(): number {
    return this.#nextPath++;
  }

  /** @param there the paths of which there are rules still */
  forgetLeft(there: readonly number[]): void {
    for (const [path, timer] of this.leaving)
      if (timer === undefined && !there.includes(path)) this.leaving.delete(path);
  }

  /** Does one thing after the other. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#work.then(work);
    this.#work = done.catch(() => undefined);
    return done;
  }

  /** No timer of it fires any more. */
  stop(): void {
    clearTimeout(this.away);
    for (const timer of this.leaving.values()) clearTimeout(timer);
  }
}
