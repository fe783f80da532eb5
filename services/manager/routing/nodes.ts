import type { PublicKey } from '../../net/keys.ts';

/**
 * Nodes by their keys, each with an index that it keeps while it is here.
 *
 * INVARIANT: `ordered` has the indexes of all nodes in the order of their keys, and `ranks[index]` is the place in it.
 * Ties are decided by rank, so that an answer depends on the nodes and not on the order in which they came.
 */
export class Nodes {
  /** Indexes in the order of the keys. */
  readonly ordered: number[] = [];
  readonly #keys: PublicKey[] = [];
  readonly #indexes = new Map<PublicKey, number>();
  readonly #free: number[] = [];
  #ranks = new Int32Array(64);

  /** Every index is lower. */
  get capacity(): number {
    return this.#ranks.length;
  }

  /** By index. */
  get ranks(): Int32Array {
    return this.#ranks;
  }

  indexOf(key: PublicKey): number | undefined {
    return this.#indexes.get(key);
  }

  /** @param index of a node that is here */
  keyOf(index: number): PublicKey {
    return this.#keys[index] as PublicKey;
  }

  /** @param key of no node that is here */
  add(key: PublicKey): number {
    const index = this.#free.pop() ?? this.#keys.length;
    if (index === this.capacity) this.#grow();
    this.#keys[index] = key;
    this.#indexes.set(key, index);
    const rank = this.#rankFor(key);
    this.ordered.splice(rank, 0, index);
    this.#renumber(rank);
    return index;
  }

  /** @param index of a node that is here; another one will get it */
  remove(index: number): void {
    const rank = this.#ranks[index] as number;
    this.ordered.splice(rank, 1);
    this.#renumber(rank);
    this.#indexes.delete(this.keyOf(index));
    this.#free.push(index);
  }

  #rankFor(key: PublicKey): number {
    let low = 0;
    let high = this.ordered.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.keyOf(this.ordered[middle] as number) < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #renumber(from: number): void {
    for (let rank = from; rank < this.ordered.length; rank++)
      this.#ranks[this.ordered[rank] as number] = rank;
  }

  #grow(): void {
    const ranks = new Int32Array(2 * this.capacity);
    ranks.set(this.#ranks);
    this.#ranks = ranks;
  }
}
