import type { PublicKey } from '../../net/keys.ts';
import { Nodes } from './nodes.ts';

/** Indexes are below this, so that those of two nodes make one number that is exact. */
const MAX_NODES = 2 ** 26;

/**
 * Nodes and the links between them, at most one between two nodes, each with a weight.
 *
 * For searches all are numbers: nodes have indexes, links have numbers, and a link has two arcs, one for each of its
 * directions: `2 * link` and `2 * link + 1`. What is removed leaves its number to another.
 */
export class Graph {
  readonly nodes = new Nodes();
  /** By the index of a node: the arcs that leave it, in no order. */
  readonly arcs: number[][] = [];
  readonly #links = new Map<number, number>();
  readonly #free: number[] = [];
  #heads = new Int32Array(128);
  #weights = new Float64Array(64);
  #topology = 0;

  /** By arc: the index of the node it leads to. */
  get heads(): Int32Array {
    return this.#heads;
  }

  /** By link: see `weightOf`. */
  get weights(): Float64Array {
    return this.#weights;
  }

  /** Is another number after a link or a node was added or removed. */
  get topology(): number {
    return this.#topology;
  }

  /** @param key of no node that is here @returns its index */
  addNode(key: PublicKey): number {
    const index = this.nodes.add(key);
    this.arcs[index] = [];
    this.#topology++;
    return index;
  }

  /** @param index of a node without links */
  removeNode(index: number): void {
    this.nodes.remove(index);
    this.#topology++;
  }

  /** @param one index of a node @param other index of a node, which has no link with the first @returns its number */
  addLink(one: number, other: number, weight: number): number {
    const link = this.#free.pop() ?? this.#links.size;
    if (link === this.#weights.length) this.#grow();
    this.#links.set(nameOf(one, other), link);
    this.#heads[2 * link] = other;
    this.#heads[2 * link + 1] = one;
    this.#weights[link] = weight;
    this.#arcsOf(one).push(2 * link);
    this.#arcsOf(other).push(2 * link + 1);
    this.#topology++;
    return link;
  }

  setWeight(link: number, weight: number): void {
    this.#weights[link] = weight;
  }

  removeLink(link: number): void {
    const [one, other] = this.endsOf(link);
    const arcs = [this.#arcsOf(one), this.#arcsOf(other)] as const;
    arcs[0].splice(arcs[0].indexOf(2 * link), 1);
    arcs[1].splice(arcs[1].indexOf(2 * link + 1), 1);
    this.#links.delete(nameOf(one, other));
    this.#free.push(link);
    this.#topology++;
  }

  /**
   * Does some work as if these nodes had no links. Afterwards every link is as it was and has the number that it had.
   *
   * @param nodes indexes
   */
  without<T>(nodes: Iterable<number>, work: () => T): T {
    const links = new Set(Array.from(nodes, (node) => this.linksOf(node)).flat());
    const removed = Array.from(links, (link) => ({
      ends: this.endsOf(link),
      weight: this.#weights[link] as number,
    }));
    for (const link of links) this.removeLink(link);
    try {
      return work();
    } finally {
      // The number that was given back last is given out first.
      for (const { ends, weight } of removed.reverse()) this.addLink(...ends, weight);
    }
  }

  /** @returns the number of the link between two nodes, given by index; undefined when there is none */
  linkBetween(one: number, other: number): number | undefined {
    return this.#links.get(nameOf(one, other));
  }

  /** @returns indexes of nodes */
  endsOf(link: number): readonly [number, number] {
    return [this.#heads[2 * link + 1] as number, this.#heads[2 * link] as number];
  }

  /** @param index of a node @returns the numbers of its links */
  linksOf(index: number): number[] {
    return this.#arcsOf(index).map((arc) => arc >> 1);
  }

  /** @param path indexes of nodes, each linked with the next @returns the numbers of these links */
  linksAlong(path: readonly number[]): number[] {
    return path.slice(1).map((node, place) => this.linkBetween(path[place] as number, node) as number);
  }

  /** @param index of a node @returns the weights of its two lightest links; Infinity where there is none */
  lightestLinks(index: number): readonly [number, number] {
    let [lightest, second] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (const arc of this.#arcsOf(index)) {
      const weight = this.#weights[arc >> 1] as number;
      if (weight < second) second = Math.max(weight, lightest);
      if (weight < lightest) lightest = weight;
    }
    return [lightest, second];
  }

  #arcsOf(index: number): number[] {
    return this.arcs[index] as number[];
  }

  #grow(): void {
    const heads = new Int32Array(2 * this.#heads.length);
    heads.set(this.#heads);
    this.#heads = heads;
    const weights = new Float64Array(2 * this.#weights.length);
    weights.set(this.#weights);
    this.#weights = weights;
  }
}

/** The same for both directions. */
function nameOf(one: number, other: number): number {
  return Math.min(one, other) * MAX_NODES + Math.max(one, other);
}
