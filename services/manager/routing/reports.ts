import type { PublicKey } from '../../net/keys.ts';
import { type Figures, weightOf } from './weight.ts';

/** The newest that each node reported of its links. */
export class Reports {
  readonly #byReporter = new Map<PublicKey, Map<PublicKey, Figures>>();

  set(reporter: PublicKey, neighbour: PublicKey, { rtt, loss, load }: Figures): void {
    const figures = { rtt, loss, load };
    const reports = this.#byReporter.get(reporter);
    if (reports) reports.set(neighbour, figures);
    else this.#byReporter.set(reporter, new Map([[neighbour, figures]]));
  }

  delete(reporter: PublicKey, neighbour: PublicKey): void {
    this.#byReporter.get(reporter)?.delete(neighbour);
  }

  /** Drops what a node reported, and what others reported of links to it. */
  forget(node: PublicKey): void {
    this.#byReporter.delete(node);
    for (const reports of this.#byReporter.values()) reports.delete(node);
  }

  /** @returns the weight that the measurements give the link now. Undefined: not both ends report it, or nothing passes */
  weightBetween(one: PublicKey, other: PublicKey): number | undefined {
    const there = this.#byReporter.get(one)?.get(other);
    const back = this.#byReporter.get(other)?.get(one);
    return there && back && weightOf(there, back);
  }
}
