import type { EndRule } from '../../../../services/net/control/rules.ts';
import { Identity } from '../../../../services/net/keys.ts';
import type { Path } from '../../../../services/node/circuit/path.ts';
import { PathSet } from '../../../../services/node/circuit/path-set.ts';
import { randomOf } from '../rig.ts';

const { publicKey } = Identity.generate();

export function endRule(path: number, weight: number): EndRule {
  const next = { neighbour: publicKey, label: path + 1 };
  return { circuit: '0'.repeat(32), path, peer: publicKey, opener: true, weight, next };
}

interface Way {
  /** Milliseconds of a round trip at least. */
  delay: number;
  /** Milliseconds that each direction may take longer. */
  jitter: number;
}

/** How often a circuit that awaits something looks after its paths, milliseconds. */
const watchMs = 25;

/**
 * Paths over ways that are simulated, with a clock of its own: what the end of a circuit does with its paths, as fast as
 * it can be reckoned.
 */
export class SimulatedPaths {
  readonly paths = new PathSet(0);
  readonly switches: { at: number; to: number }[] = [];
  readonly #way: Way;
  readonly #random: () => number;
  readonly #swallowing = new Set<number>();
  /** Answers under way, per path in the order in which they arrive. */
  readonly #answers = new Map<number, { at: number; id: number }[]>();
  #now = 0;

  constructor(count: number, way: Way, seed = 4_711) {
    this.#way = way;
    this.#random = randomOf(seed);
    for (let path = 0; path < count; path++) {
      this.paths.add(endRule(path, 1_000), true);
      this.#answers.set(path, []);
    }
    this.paths.choose(0);
  }

  get inUse(): number | undefined {
    return this.paths.inUse?.number;
  }

  /** Nothing that is sent on this path arrives. */
  swallow(path: number, does: boolean): void {
    if (does) this.#swallowing.add(path);
    else this.#swallowing.delete(path);
  }

  run(until: number): void {
    for (; this.#now < until; this.#now += watchMs) {
      for (const path of this.paths) this.#receive(path);
      const suspect = this.paths.check(this.#now, true, (path) => this.#probe(path));
      const { warm } = this.paths;
      if (suspect && warm) this.#use(warm);
      else this.#chooseAgain();
    }
  }

  #probe(path: Path): void {
    const id = path.probe(this.#now);
    if (this.#swallowing.has(path.number)) return;
    const { delay, jitter } = this.#way;
    const answers = this.#answers.get(path.number);
    // Links keep the order: an answer comes after those before it.
    const before = answers?.at(-1)?.at ?? 0;
    const takes = delay + jitter * (this.#random() + this.#random());
    answers?.push({ at: Math.max(before, this.#now + takes), id });
  }

  #receive(path: Path): void {
    const answers = this.#answers.get(path.number) ?? [];
    while (answers[0] && answers[0].at <= this.#now) {
      const { at, id } = answers.shift() as { at: number; id: number };
      if (path.echo(id, at) && this.paths.prefers(path)) this.#use(path);
    }
  }

  #chooseAgain(): void {
    const { inUse } = this.paths;
    if (this.paths.choose(this.#now) && this.paths.inUse !== inUse) this.#note();
  }

  #use(path: Path): void {
    this.paths.use(path);
    this.#note();
  }

  #note(): void {
    this.switches.push({ at: this.#now, to: this.inUse ?? -1 });
  }
}
