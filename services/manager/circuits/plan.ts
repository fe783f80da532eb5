import type { Rule } from '../../net/control/rules.ts';
import type { PublicKey } from '../../net/keys.ts';
import type { Path } from '../routing/route.ts';
import type { PathName } from './rule-book.ts';

/**
 * The rules that make a path.
 *
 * @param name circuit and number of the path
 * @param path from the opener to the other end, at least two nodes
 * @param labelOf a label for the link between two nodes; asked for once a link
 * @returns a rule for each of its nodes, in their order
 */
export function rulesAlong(
  name: PathName,
  { nodes, weight }: Path,
  labelOf: (one: PublicKey, other: PublicKey) => number,
): (readonly [PublicKey, Rule])[] {
  const labels = nodes.slice(1).map((node, place) => labelOf(nodes[place] as PublicKey, node));
  const sideTo = (place: number, neighbour: number) => ({
    neighbour: nodes[neighbour] as PublicKey,
    label: labels[Math.min(place, neighbour)] as number,
  });
  const last = nodes.length - 1;
  return nodes.map((node, place) => {
    if (place === 0)
      return [node, { ...name, peer: nodes[last] as PublicKey, opener: true, weight, next: sideTo(0, 1) }];
    if (place === last)
      return [
        node,
        { ...name, peer: nodes[0] as PublicKey, opener: false, weight, next: sideTo(last, last - 1) },
      ];
    return [node, { ...name, left: sideTo(place, place - 1), right: sideTo(place, place + 1) }];
  });
}
