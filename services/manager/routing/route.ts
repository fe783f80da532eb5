import type { PublicKey } from '../../net/keys.ts';

/** How much the two paths share: neither relays nor links; relays but no links; or there is but one path. */
export type Kind = 'node-disjoint' | 'link-disjoint' | 'single';

export interface Path {
  /** Keys of its nodes, with both ends. */
  nodes: readonly PublicKey[];
  /** µs, there and back: see `weightOf`. */
  weight: number;
}

/** Paths between two nodes. */
export interface Route {
  kind: Kind;
  /** The lighter one. */
  first: Path;
  /** Undefined when the kind is `single`. */
  second: Path | undefined;
  /** Of both paths together. */
  weight: number;
}

/** @returns whether `kind` is better than that of a route; any is better than none */
export function isBetterKind(kind: Kind, route: Route | undefined): boolean {
  return route === undefined || GOODNESS[kind] > GOODNESS[route.kind];
}

const GOODNESS: Readonly<Record<Kind, number>> = { single: 0, 'link-disjoint': 1, 'node-disjoint': 2 };
