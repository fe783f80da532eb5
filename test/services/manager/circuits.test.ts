import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { endsOf, type Rule } from '../../../services/net/control/rules.ts';
import type { PublicKey } from '../../../services/net/keys.ts';
import type { Call, NodeClient } from './node-client.ts';
import { link, Rack } from './support.ts';

const ring = [
  [0, 1],
  [1, 2],
  [2, 3],
  [3, 0],
] as const;

describe('a circuit', () => {
  it('gets rules on every hop of two paths, on the opener last', async () => {
    const calls: Call[] = [];
    const rack = await Rack.start(4);
    const nodes = await rack.nodes({ onCall: (call) => void calls.push(call) });
    await link(nodes, ring);
    const circuit = await opened(nodes, 0, 2);
    const paths = pathsOf(nodes, circuit, 0, 2);
    expect(paths.map(({ places }) => places).sort()).toEqual([
      [0, 1, 2],
      [0, 3, 2],
    ]);
    expect(new Set(nodes.flatMap((node) => node.rulesOf(circuit).map(({ path }) => path)))).toEqual(
      new Set(paths.map(({ path }) => path)),
    );
    expect(calls.at(-1)?.node).toBe(nodes[0]);
    expect(calls.filter(({ node }) => node === nodes[0])).toHaveLength(1);
  });
});

/** Opens, again as long as the links are not known yet. */
async function opened(nodes: readonly NodeClient[], from: number, to: number): Promise<string> {
  const circuit = randomBytes(16).toString('hex');
  await nodes[from]?.open(nodes[to] as NodeClient, circuit);
  return circuit;
}

/** Follows the rules as frames would. */
function pathsOf(nodes: readonly NodeClient[], circuit: string, from: number, to: number) {
  const start = nodes[from] as NodeClient;
  return start.rulesOf(circuit).map((first) => {
    const places = [from];
    let before: PublicKey = start.key;
    let rule: Rule | undefined = first;
    let label = endsOf(first)[0]?.label;
    let next = endsOf(first)[0]?.neighbour;
    while (next !== undefined && places.length <= nodes.length) {
      const place = nodes.findIndex(({ key }) => key === next);
      places.push(place);
      rule = nodes[place]?.rulesOf(circuit).find(({ path }) => path === first.path);
      const sides = rule ? endsOf(rule) : [];
      const back = sides.find((side) => side.neighbour === before && side.label === label);
      if (back === undefined) return { path: first.path, places: [...places, -1] };
      before = next;
      const onwards = sides.find((side) => side !== back);
      next = onwards?.neighbour;
      label = onwards?.label;
    }
    const isWhole = places.at(-1) === to && rule !== undefined && 'next' in rule && rule.peer === start.key;
    return { path: first.path, places: isWhole ? places : [...places, -1] };
  });
}
