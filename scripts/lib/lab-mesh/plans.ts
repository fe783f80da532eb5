/** Which nodes there are, and which of them a cable joins. */
export interface Plan {
  nodes: readonly string[];
  cables: readonly (readonly [string, string])[];
}

const letters = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];

/** a – b – c … */
export function line(count: number): Plan {
  const nodes = letters.slice(0, count);
  return { nodes, cables: nodes.slice(1).map((node, at) => [nodes[at] ?? '', node]) };
}

/** a – b – c … – a */
export function ring(count: number): Plan {
  const { nodes, cables } = line(count);
  return { nodes, cables: [...cables, [nodes.at(-1) ?? '', nodes[0] ?? '']] };
}

/** Every node with every other one. */
export function full(count: number): Plan {
  const nodes = letters.slice(0, count);
  return {
    nodes,
    cables: nodes.flatMap((one, at) => nodes.slice(at + 1).map((other) => [one, other] as const)),
  };
}

/**
 * From `source` to `sink` over two ways that share nothing, each over so many relays:
 * `left1`, `left2` … and `right1`, `right2` …
 */
export function twoWays(relays: number): Plan {
  const ways = ['left', 'right'].map((way) => Array.from({ length: relays }, (_, at) => `${way}${at + 1}`));
  return {
    nodes: ['source', 'sink', ...ways.flat()],
    cables: ways.flatMap((way) => {
      const stops = ['source', ...way, 'sink'];
      return stops.slice(1).map((stop, at) => [stops[at] ?? '', stop] as const);
    }),
  };
}
