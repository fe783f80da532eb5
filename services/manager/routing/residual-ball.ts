import type { Graph } from './graph.ts';
import { Heap } from './heap.ts';

/** A path, and what it leaves of a graph for another one beside it. */
export interface Residual {
  graph: Graph;
  /** Indexes of nodes, in the direction of the search. */
  path: readonly number[];
  /** Whether the relays of the path are split, so that the other one shares none of them. */
  splits: boolean;
  /** Of a node, by index. Along each arc it falls by at most the weight, and along the path by just that. */
  potential: (node: number) => number;
}

/** The only state of most nodes; a relay that is split has both. */
const OPEN = 0;
const CLOSED = 1;

/**
 * The residual graph of a path around the beginning of the path, the nearest first, as far as it is let grow. There the
 * links of the path can only be taken backwards, each for minus its weight, which takes it out of the path. A relay of
 * the path that is split has two states: who comes to it from elsewhere is in the closed one, where the only way is back
 * along the path; who came back along the path is in the open one, and may leave it for elsewhere.
 *
 * All that reversed is the residual graph of the reversed path, with the two states of split relays swapped: so the same
 * search runs from both ends. Keeps the memory it works in: what it found holds until it starts again.
 */
export class ResidualBall {
  readonly #heap = new Heap();
  /** States whose cost is not Infinity: to clear all states for a few takes longer than the search. */
  readonly #reached: number[] = [];
  #path: readonly number[] = [];
  #costs = new Float64Array(0);
  #parents = new Int32Array(0);
  #places = new Int32Array(0);

  /** How many nodes are in sight, not settled; one may count several times. */
  get frontier(): number {
    return this.#heap.size;
  }

  /** No state that is not settled is nearer. Infinity when there is none. */
  get radius(): number {
    return this.#heap.lowest;
  }

  /** By state, in reduced weights. Final below the radius; otherwise perhaps too high, and Infinity where none is known. */
  get costs(): Float64Array {
    return this.#costs;
  }

  /** Begins again. */
  start({ graph, path }: Residual): void {
    const { capacity, ranks } = graph.nodes;
    if (this.#places.length < capacity) {
      this.#places = new Int32Array(capacity).fill(-1);
      this.#costs = new Float64Array(2 * capacity).fill(Number.POSITIVE_INFINITY);
      this.#parents = new Int32Array(2 * capacity);
    } else {
      for (const node of this.#path) this.#places[node] = -1;
      for (const state of this.#reached) this.#costs[state] = Number.POSITIVE_INFINITY;
    }
    this.#path = path;
    this.#reached.length = 0;
    for (const [place, node] of path.entries()) this.#places[node] = place;
    this.#heap.clear();
    this.#offer(stateOf(ranks[path[0] as number] as number, OPEN), 0, -1);
  }

  /** Takes the nearest state in. There must be one. @returns it; it may be one that was taken in before */
  settle(residual: Residual): number {
    const cost = this.#heap.lowest;
    const state = this.#heap.pop();
    if (cost > (this.#costs[state] as number)) return state;
    const node = residual.graph.nodes.ordered[state >> 1] as number;
    if ((this.#places[node] as number) > 0) this.#goBack(residual, state, node);
    if ((state & 1) === OPEN) this.#goElsewhere(residual, state, node);
    return state;
  }

  /** @returns the same state as the search from the other end of the path has it */
  mirrored(state: number, { graph, path, splits }: Residual): number {
    const place = this.#places[graph.nodes.ordered[state >> 1] as number] as number;
    return splits && place > 0 && place < path.length - 1 ? state ^ 1 : state;
  }

  /** @returns indexes of the nodes to a state whose cost is known; one that was passed in both states is there twice */
  pathTo(state: number, { graph }: Residual): number[] {
    const path: number[] = [];
    for (let at = state; at >= 0; at = this.#parents[at] as number)
      path.push(graph.nodes.ordered[at >> 1] as number);
    return path.reverse();
  }

  #goBack({ graph, path, splits }: Residual, state: number, node: number): void {
    const place = this.#places[node] as number;
    const isSplit = splits && place < path.length - 1;
    const cost = this.#costs[state] as number;
    const before = graph.nodes.ranks[path[place - 1] as number] as number;
    this.#offer(isSplit && (state & 1) === OPEN ? state | CLOSED : stateOf(before, OPEN), cost, state);
  }

  #goElsewhere({ graph, path, splits, potential }: Residual, state: number, node: number): void {
    const { arcs, heads, weights } = graph;
    const { ranks } = graph.nodes;
    const places = this.#places;
    const place = places[node] as number;
    const spent = (this.#costs[state] as number) - potential(node);
    const leaving = arcs[node] as number[];
    for (let at = 0; at < leaving.length; at++) {
      const arc = leaving[at] as number;
      const next = heads[arc] as number;
      const nextPlace = places[next] as number;
      // Along the path there is no way but back.
      if (place >= 0 && nextPlace >= 0 && Math.abs(nextPlace - place) === 1) continue;
      const isSplit = splits && nextPlace > 0 && nextPlace < path.length - 1;
      const cost = spent + (weights[arc >> 1] as number) + potential(next);
      this.#offer(stateOf(ranks[next] as number, isSplit ? CLOSED : OPEN), cost, state);
    }
  }

  #offer(state: number, cost: number, parent: number): void {
    const before = this.#costs[state] as number;
    if (cost >= before) return;
    if (before === Number.POSITIVE_INFINITY) this.#reached.push(state);
    this.#costs[state] = cost;
    this.#parents[state] = parent;
    this.#heap.push(cost, state);
  }
}

/** By rank and not by index, for the heap to decide ties by it. */
function stateOf(rank: number, side: 0 | 1): number {
  return 2 * rank + side;
}
