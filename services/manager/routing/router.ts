import type { PublicKey } from '../../net/keys.ts';
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

  /**
   * The route over given paths, of the kind that they are.
   *
   * @param paths the nodes of each, all with the same ends
   * @returns undefined when there are none, a link is not there, or both share one
   */
  along(paths: readonly (readonly PublicKey[])[]): Found | undefined {
    const indexes = paths.map((path) => path.map((key) => this.#graph.nodes.indexOf(key)));
    if (!indexes.every(isKnown)) return undefined;
    const links = indexes.flatMap((path) =>
      path.slice(1).map((node, place) => this.#graph.linkBetween(path[place] as number, node)),
    );
    if (!isKnown(links) || new Set(links).size < links.length) return undefined;
    const [one, other] = indexes.toSorted((a, b) => this.#weightOf(a) - this.#weightOf(b));
    const [source, target] = [one?.[0], one?.at(-1)];
    if (one === undefined || source === undefined || target === undefined) return undefined;
    const kind = other === undefined ? 'single' : kindOf(one, other);
    return { route: this.#route(kind, other ? [one, other] : [one]), source, target, links };
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

function isKnown(indexes: (number | undefined)[]): indexes is number[] {
  return !indexes.includes(undefined);
}

/** @param one @param other without a link in common */
function kindOf(one: readonly number[], other: readonly number[]): Kind {
  return one.slice(1, -1).some((node) => other.slice(1, -1).includes(node))
    ? 'link-disjoint'
    : 'node-disjoint';
}

function single({ path, weight }: ShortestPath, below: number): Paths | undefined {
  return weight < below ? [path] : undefined;
}
