import type { PublicKey } from '../../net/keys.ts';
import { FIRST_CLIENT_PLACE } from '../pool.ts';

/** A place in the pools, and whose it is. */
export interface Lease {
  node: PublicKey;
  place: number;
}

/**
 * Which node has which place in the pools. A node keeps its place for good; only when there are no more, one that is not
 * in use is given away, the longest unused first.
 */
export class Leases {
  readonly #places: number;
  /** The longest unused come first. */
  readonly #byNode = new Map<PublicKey, number>();

  /** @param places those from {@link FIRST_CLIENT_PLACE} up to this number, exclusive, can be leased */
  constructor(places: number, stored: readonly Lease[] = []) {
    this.#places = places;
    const taken = new Set<number>();
    for (const { node, place } of stored) {
      // The pool may have become smaller since, and a file may say anything.
      if (place < FIRST_CLIENT_PLACE || place >= places || taken.has(place) || this.#byNode.has(node))
        continue;
      taken.add(place);
      this.#byNode.set(node, place);
    }
  }

  /** @param inUse whether a place is in use now @returns undefined when all places are */
  take(node: PublicKey, inUse: (place: number) => boolean): number | undefined {
    const place = this.#byNode.get(node) ?? this.#unused() ?? this.#giveAway(inUse);
    if (place === undefined) return undefined;
    this.#byNode.delete(node);
    this.#byNode.set(node, place);
    return place;
  }

  has(node: PublicKey): boolean {
    return this.#byNode.has(node);
  }

  get stored(): Lease[] {
    return Array.from(this.#byNode, ([node, place]) => ({ node, place }));
  }

  #unused(): number | undefined {
    if (this.#byNode.size >= this.#places - FIRST_CLIENT_PLACE) return undefined;
    const taken = new Set(this.#byNode.values());
    for (let place = FIRST_CLIENT_PLACE; place < this.#places; place++) {
      if (!taken.has(place)) return place;
    }
    return undefined;
  }

  #giveAway(inUse: (place: number) => boolean): number | undefined {
    for (const [node, place] of this.#byNode) {
      if (inUse(place)) continue;
      this.#byNode.delete(node);
      return place;
    }
    return undefined;
  }
}
