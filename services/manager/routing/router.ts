import { Connectivity } from './connectivity.ts';
import type { Graph } from './graph.ts';
import { disjointPaths } from './pair.ts';
import type { Kind, Path, Route } from './route.ts';
import { SecondPathSearch } from './second-path.ts';
import { type ShortestPath, ShortestPathSearch } from './shortest-path.ts';

/** A route in the graph, as long as its links are there. */
export interface Found {
  route: Route;
  /** Indexes of the nodes at its ends. */
  source: number;
  target: number;
  /** The numbers of its links, of both paths. */
  links: readonly number[];
}

export interface Search {
  /** Undefined when there is none that is light enough. */
  found: Found | undefined;
  /** Weight of the shortest path, µs. A pair of the least weight need not contain it. */
  shortest: number;
}

/**
 * Computes routes in a graph. The same nodes, links and weights give the same routes, in whatever order they came: among
 * paths of the same weight the keys of the nodes decide.
 */
export class Router {
  readonly #graph: Graph;
  readonly #connectivity: Connectivity;
  readonly #shortest = new ShortestPathSearch();
  readonly #second = new SecondPathSearch();

  constructor(graph: Graph) {
    this.#graph = graph;
    this.#connectivity = new Connectivity(graph);
  }

  /** The kind of the route that `pair` finds. @param source index of a node @param target index of another node */
  kindBetween(source: number, target: number): Kind | undefined {
    return this.#connectivity.between(source, target);
  }

  /**
   * Two paths that share no relay where two such exist, else two that share no link; in both cases those with the
   * least weight together. Else the shortest path.
   *
   * @param source index of a node @param target index of another node
   * @param below what the route has to weigh less than, µs; otherwise the search is short
   * @returns undefined when there is no path
   */
  search(source: number, target: number, below = Number.POSITIVE_INFINITY): Search | undefined {
    const kind = this.kindBetween(source, target);
    if (kind === undefined) return undefined;
    const shortest = this.#shortest.find(this.#graph, source, target);
    const paths = kind === 'single' ? single(shortest, below) : this.#disjoint(shortest, kind, below);
    const found = paths && {
      ...{ route: this.#route(kind, paths), source, target },
      links: paths.flatMap((path = []) => this.#graph.linksAlong(path)),
    };
    return { found, shortest: shortest.weight };
  }

  /** The same route with the weights that its links have now. */
  reweighed(found: Found): Found {
    const { kind, first, second } = found.route;
    const paths: Paths = second ? [this.#indexes(first), this.#indexes(second)] : [this.#indexes(first)];
    return { ...found, route: this.#route(kind, paths) };
  }

  #disjoint(shortest: ShortestPath, kind: Exclude<Kind, 'single'>, below: number): Paths | undefined {
    const second = this.#second.find(this.#graph, shortest, kind, below);
    const measure = {
      weightOf: (path: readonly number[]) => this.#weightOf(path),
      rankOf: (node: number) => this.#graph.nodes.ranks[node] as number,
    };
    return second && disjointPaths(shortest.path, second, measure);
  }

  #route(kind: Kind, [one, other]: Paths): Route {
    const first = this.#path(one);
    const second = other && this.#path(other);
    return { kind, first, second, weight: first.weight + (second?.weight ?? 0) };
  }

  #path(indexes: readonly number[]): Path {
    return {
      nodes: indexes.map((index) => this.#graph.nodes.keyOf(index)),
      weight: this.#weightOf(indexes),
    };
  }

  #indexes({ nodes }: Path): number[] {
    return nodes.map((key) => this.#graph.nodes.indexOf(key) as number);
  }

  #weightOf(path: readonly number[]): number {
    const { weights } = this.#graph;
    return this.#graph.linksAlong(path).reduce((sum, link) => sum + (weights[link] as number), 0);
  }
}

/** One or two, each the indexes of its nodes. */
type Paths = readonly [one: readonly number[], other?: readonly number[]];

function single({ path, weight }: ShortestPath, below: number): Paths | undefined {
  return weight < below ? [path] : undefined;
}
