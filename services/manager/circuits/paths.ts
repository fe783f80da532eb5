import type { PublicKey } from '../../net/keys.ts';
import type { Path, Route } from '../routing/route.ts';
import type { Routing } from '../routing/routing.ts';
import { nodesAlong } from './chain.ts';
import type { Circuit } from './circuit.ts';
import type { RuleBook } from './rule-book.ts';

/** A path of which all rules are in force. */
export interface PresentPath {
  number: number;
  nodes: PublicKey[];
}

export interface Wanted {
  route: Route;
  /** Numbers of the paths that stay. */
  kept: number[];
  missing: Path[];
  /** Its relays are not those of the best route: these cannot be given rules now. */
  isDetour: boolean;
}

/** @returns the whole paths of a circuit, without those that are to go */
export function presentPaths(book: RuleBook, circuit: Circuit): PresentPath[] {
  return book.pathsOf(circuit.id).flatMap((number) => {
    if (circuit.leaving.has(number)) return [];
    const nodes = nodesAlong(book, { circuit: circuit.id, path: number }, circuit);
    return nodes ? [{ number, nodes }] : [];
  });
}

/**
 * What a circuit should have. Paths that are there stay also when a relay of theirs is not connected to the manager: its
 * rules are in force all the same.
 *
 * @param isUsable whether a node can be given rules
 * @returns undefined when there is no way
 */
export function wantedPaths(
  routing: Routing,
  circuit: Circuit,
  present: readonly PresentPath[],
  isUsable: (node: PublicKey) => boolean,
): Wanted | undefined {
  const avoided = new Set<PublicKey>();
  let route = routing.routeOf(circuit.id);
  while (route !== undefined) {
    const paths = route.second ? [route.first, route.second] : [route.first];
    const found = paths.map((path) => ({
      path,
      same: present.find(({ nodes }) => isSame(nodes, path.nodes)),
    }));
    const missing = found.flatMap(({ path, same }) => (same ? [] : [path]));
    const silent = missing.flatMap(({ nodes }) => nodes.slice(1, -1)).filter((node) => !isUsable(node));
    if (silent.length === 0)
      return {
        ...{ route, missing, isDetour: avoided.size > 0 },
        kept: found.flatMap(({ same }) => (same ? [same.number] : [])),
      };
    for (const node of silent) avoided.add(node);
    route = routing.pair(circuit.from, circuit.to, avoided);
  }
  return undefined;
}

/** Whether all links of a path are there. */
export function isLinked(routing: Routing, nodes: readonly PublicKey[]): boolean {
  return nodes
    .slice(1)
    .every((node, place) => routing.linkWeight(nodes[place] as PublicKey, node) !== undefined);
}

function isSame(one: readonly PublicKey[], other: readonly PublicKey[]): boolean {
  return one.length === other.length && one.every((node, place) => node === other[place]);
}
