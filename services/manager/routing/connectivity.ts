import type { Graph } from './graph.ts';
import type { Kind } from './route.ts';

/** Knows which kind of route there is between two nodes, without a search for it. */
export class Connectivity {
  readonly #graph: Graph;
  #topology: number;
  #parts: Parts;

  constructor(graph: Graph) {
    this.#graph = graph;
    this.#topology = graph.topology;
    this.#parts = new Parts(graph);
  }

  /** @param one index of a node @param other index of another node @returns undefined when there is no path */
  between(one: number, other: number): Kind | undefined {
    if (this.#topology !== this.#graph.topology) {
      this.#parts = new Parts(this.#graph);
      this.#topology = this.#graph.topology;
    }
    return this.#parts.between(one, other);
  }
}

/**
 * The parts of a graph. A block holds together without any one of its nodes, so that in a block of three and more there
 * are two paths that share no relay; an island holds together without any one of its links, so that in it there are two
 * that share no link. One depth-first search finds all (Hopcroft & Tarjan, Algorithm 447, CACM 16, 1973).
 */
class Parts {
  readonly #graph: Graph;
  /** All arrays are by the index of a node. When the search came to it, counted from 1; 0: not yet. */
  readonly #order: Int32Array;
  /** The least `order` that it and those behind it reach, not counting the arc over which the search came. */
  readonly #low: Int32Array;
  /** The arc over which the search came, or -1. */
  readonly #via: Int32Array;
  /** How many of its arcs the search has taken. */
  readonly #taken: Int32Array;
  /** Where the search began. */
  readonly #roots: Int32Array;
  /** The node of its island to which the search came first. */
  readonly #islands: Int32Array;
  /** The block that it shares with the node from which the search came, or -1. */
  readonly #blocks: Int32Array;
  /** By block: its node to which the search came first. */
  readonly #tops: number[] = [];
  /** Nodes, in the order of the search, whose block is not known yet. */
  readonly #blockless: number[] = [];
  /** Nodes, in the order of the search, whose island is not known yet. */
  readonly #islandless: number[] = [];
  #count = 0;

  constructor(graph: Graph) {
    const { capacity, ordered } = graph.nodes;
    this.#graph = graph;
    this.#order = new Int32Array(capacity);
    this.#low = new Int32Array(capacity);
    this.#via = new Int32Array(capacity);
    this.#taken = new Int32Array(capacity);
    this.#roots = new Int32Array(capacity);
    this.#islands = new Int32Array(capacity);
    this.#blocks = new Int32Array(capacity);
    for (const node of ordered) if (this.#order[node] === 0) this.#exploreFrom(node);
  }

  between(one: number, other: number): Kind | undefined {
    if (this.#roots[one] !== this.#roots[other]) return undefined;
    if (this.#islands[one] !== this.#islands[other]) return 'single';
    return this.#shareBlock(one, other) ? 'node-disjoint' : 'link-disjoint';
  }

  #shareBlock(one: number, other: number): boolean {
    const block = this.#blocks[one] as number;
    const otherBlock = this.#blocks[other] as number;
    return block === otherBlock || this.#tops[block] === other || this.#tops[otherBlock] === one;
  }

  /** Without recursion: a path through thousands of nodes would overflow the stack. */
  #exploreFrom(root: number): void {
    const { arcs, heads } = this.#graph;
    const path = [root];
    this.#enter(root, root, -1);
    for (let node = path.at(-1); node !== undefined; node = path.at(-1)) {
      const arc = arcs[node]?.[(this.#taken[node] as number)++];
      if (arc === undefined) {
        path.pop();
        this.#leave(node, path.at(-1));
      } else if ((arc ^ 1) !== this.#via[node]) {
        const next = heads[arc] as number;
        if (this.#order[next] !== 0) this.#reaches(node, this.#order[next] as number);
        else {
          this.#enter(next, root, arc);
          path.push(next);
        }
      }
    }
  }

  #enter(node: number, root: number, arc: number): void {
    this.#order[node] = this.#low[node] = ++this.#count;
    this.#roots[node] = root;
    this.#via[node] = arc;
    this.#blocks[node] = -1;
    this.#blockless.push(node);
    this.#islandless.push(node);
  }

  #leave(node: number, before: number | undefined): void {
    const low = this.#low[node] as number;
    if (low === this.#order[node])
      for (const each of takeUpTo(node, this.#islandless)) this.#islands[each] = node;
    if (before === undefined) {
      this.#blockless.pop();
      return;
    }
    if (low >= (this.#order[before] as number)) {
      for (const each of takeUpTo(node, this.#blockless)) this.#blocks[each] = this.#tops.length;
      this.#tops.push(before);
    }
    this.#reaches(before, low);
  }

  #reaches(node: number, order: number): void {
    this.#low[node] = Math.min(this.#low[node] as number, order);
  }
}

/** Takes off the end of a list all up to and with `node`. */
function takeUpTo(node: number, list: number[]): number[] {
  return list.splice(list.lastIndexOf(node));
}
