import type { Graph } from './graph.ts';
import { Heap } from './heap.ts';

/**
 * The nodes around one node, the nearest first, as far as it is let grow (Dijkstra 1959). Ties are settled in the order
 * of the nodes' keys. Keeps the memory it works in: what it found holds until it starts again.
 */
export class Ball {
  readonly #heap = new Heap();
  /** Nodes whose distance is not Infinity: to clear all nodes for a few takes longer than the search. */
  readonly #reached: number[] = [];
  #distances = new Float64Array(0);
  #parents = new Int32Array(0);

  /** How many nodes are in sight, not settled; one may count several times. */
  get frontier(): number {
    return this.#heap.size;
  }

  /** No node that is not settled is nearer. Infinity when there is none. */
  get radius(): number {
    return this.#heap.lowest;
  }

  /** By the index of a node. Final below the radius; otherwise perhaps too high, and Infinity where none is known. */
  get distances(): Float64Array {
    return this.#distances;
  }

  /**
   * A lower bound for the distance of a node, given by index; exact when it is the one in `distances`.
   *
   * @param lightest weight of the lightest link of the node, if it is known: over one of them comes who is not here yet
   */
  atLeast(node: number, lightest = 0): number {
    return Math.min(this.#distances[node] as number, this.radius + lightest);
  }

  /** Begins again. @param root index of a node */
  start(graph: Graph, root: number): void {
    const { capacity, ranks } = graph.nodes;
    if (this.#distances.length < capacity) {
      this.#distances = new Float64Array(capacity).fill(Number.POSITIVE_INFINITY);
      this.#parents = new Int32Array(capacity);
    } else for (const node of this.#reached) this.#distances[node] = Number.POSITIVE_INFINITY;
    this.#reached.length = 0;
    this.#heap.clear();
    this.#distances[root] = 0;
    this.#parents[root] = -1;
    this.#reached.push(root);
    this.#heap.push(0, ranks[root] as number);
  }

  /** Takes the nearest node in. There must be one. @returns its index; it may be one that was taken in before */
  settle(graph: Graph): number {
    const { arcs, heads, weights } = graph;
    const { ranks, ordered } = graph.nodes;
    const distances = this.#distances;
    const distance = this.#heap.lowest;
    const node = ordered[this.#heap.pop()] as number;
    if (distance > (distances[node] as number)) return node;
    const leaving = arcs[node] as number[];
    for (let at = 0; at < leaving.length; at++) {
      const arc = leaving[at] as number;
      const next = heads[arc] as number;
      const reached = distance + (weights[arc >> 1] as number);
      const before = distances[next] as number;
      if (reached >= before) continue;
      if (before === Number.POSITIVE_INFINITY) this.#reached.push(next);
      distances[next] = reached;
      this.#parents[next] = node;
      this.#heap.push(reached, ranks[next] as number);
    }
    return node;
  }

  /** Grows until all nodes that are nearer than `limit` are settled. */
  growTo(graph: Graph, limit: number): void {
    while (this.radius < limit) this.settle(graph);
  }

  /** @returns indexes of the nodes from the root to `node`, whose distance is known */
  pathTo(node: number): number[] {
    const path: number[] = [];
    for (let at = node; at >= 0; at = this.#parents[at] as number) path.push(at);
    return path.reverse();
  }
}
