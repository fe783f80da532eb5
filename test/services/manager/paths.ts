import { endsOf } from '../../../services/net/control/rules.ts';
import type { NodeClient } from './node-client.ts';

export interface FollowedPath {
  path: number;
  /** Which nodes, from the opener on; ends in -1 when the rules lead nowhere. */
  places: number[];
}

/** Follows the rules of a circuit from its opener as frames would, over the labels. */
export function follow(nodes: readonly NodeClient[], circuit: string, from = 0): FollowedPath[] {
  return (nodes[from]?.rulesOf(circuit) ?? []).map(({ path }) => ({
    path,
    places: placesAlong(nodes, circuit, path, from),
  }));
}

/** The same without the numbers, in order. */
export function routesOf(nodes: readonly NodeClient[], circuit: string, from = 0): number[][] {
  return follow(nodes, circuit, from)
    .map(({ places }) => places)
    .sort((a, b) => a.join().localeCompare(b.join()));
}

function placesAlong(nodes: readonly NodeClient[], circuit: string, path: number, from: number): number[] {
  const ruleAt = (place: number) => nodes[place]?.rulesOf(circuit).find((rule) => rule.path === path);
  const places = [from];
  const first = ruleAt(from);
  if (first === undefined || !('next' in first) || !first.opener) return [from, -1];
  let side = first.next;
  while (places.length <= nodes.length) {
    const before = nodes[places.at(-1) ?? -1];
    const place = nodes.findIndex(({ key }) => key === side.neighbour);
    const rule = ruleAt(place);
    if (rule === undefined) break;
    const back = endsOf(rule).find(
      ({ neighbour, label }) => neighbour === before?.key && label === side.label,
    );
    if (back === undefined) break;
    places.push(place);
    if ('next' in rule) {
      const isRight = rule.peer === nodes[from]?.key && !rule.opener && first.peer === nodes[place]?.key;
      return isRight ? places : [...places, -1];
    }
    side = rule.left === back ? rule.right : rule.left;
  }
  return [...places, -1];
}
