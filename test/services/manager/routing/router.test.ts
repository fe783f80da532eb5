import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Route } from '../../../../services/manager/routing/route.ts';
import { bestRoute, greedyPair, linksOf, relaysOf, shares, weigh } from './brute-force.ts';
import { keyOf, meshOf, nodeOf, report, smallGraphs, type TestLink } from './mesh.ts';

const routeBetween = (links: readonly TestLink[], from: number, to: number) =>
  meshOf(links).pair(keyOf(from), keyOf(to));
const pathsOf = (route: Route | undefined) =>
  [route?.first, route?.second].flatMap((path) => (path ? [path.nodes.map(nodeOf)] : []));

/** The shortest path 0-1-2-3 takes a relay of each of the two disjoint ones. */
const trap: TestLink[] = [
  [0, 1, 1],
  [1, 2, 1],
  [2, 3, 1],
  [0, 2, 5],
  [1, 3, 5],
];

describe('a route', () => {
  it('is a node-disjoint pair in the trap, where the shortest path leaves no second one', () => {
    expect(greedyPair(trap, 0, 3)).toEqual([[0, 1, 2, 3]]);
    const route = routeBetween(trap, 0, 3);
    expect(route).toMatchObject({ kind: 'node-disjoint', weight: 12_000 + 4 * 400 });
    expect(pathsOf(route)).toEqual([
      [0, 1, 3],
      [0, 2, 3],
    ]);
  });

  it('is two paths that share a relay where no others are: two triangles with a corner in common', () => {
    const links: TestLink[] = [
      [0, 1, 1],
      [1, 2, 1],
      [0, 2, 1],
      [2, 3, 1],
      [3, 4, 1],
      [2, 4, 1],
    ];
    const route = routeBetween(links, 0, 4);
    expect(route?.kind).toBe('link-disjoint');
    expect(pathsOf(route)).toEqual([
      [0, 2, 4],
      [0, 1, 2, 3, 4],
    ]);
  });

  it('is one path over a bridge', () => {
    const links: TestLink[] = [
      [0, 1, 1],
      [1, 2, 1],
      [2, 0, 1],
      [2, 3, 1],
    ];
    const route = routeBetween(links, 0, 3);
    expect(route).toMatchObject({ kind: 'single', second: undefined });
    expect(pathsOf(route)).toEqual([[0, 2, 3]]);
  });

  it('is none between nodes that nothing connects', () => {
    expect(
      routeBetween(
        [
          [0, 1, 1],
          [2, 3, 1],
        ],
        0,
        3,
      ),
    ).toBeUndefined();
  });

  it('has the direct link for one of its paths', () => {
    const route = routeBetween(
      [
        [0, 1, 9],
        [0, 2, 1],
        [2, 1, 1],
      ],
      0,
      1,
    );
    expect(route?.kind).toBe('node-disjoint');
    expect(pathsOf(route)).toEqual([
      [0, 2, 1],
      [0, 1],
    ]);
  });

  it('is as good as the best of all pairs of paths, and disjoint as it says', () => {
    fc.assert(
      fc.property(smallGraphs(), ({ nodes, links }) => {
        const routing = meshOf(links);
        for (let node = 0; node < nodes; node++) routing.addNode(keyOf(node));
        for (let from = 0; from < nodes; from++)
          for (let to = from + 1; to < nodes; to++) {
            const route = routing.pair(keyOf(from), keyOf(to));
            expect(route && { kind: route.kind, weight: route.weight }).toEqual(bestRoute(links, from, to));
            if (route) checkPaths(route, links, from, to);
          }
      }),
      { numRuns: 2_000 },
    );
  });

  it('is the same in whatever order nodes and links came, and came back', () => {
    const shuffled = smallGraphs().chain(({ nodes, links }) =>
      fc.record({
        nodes: fc.constant(nodes),
        links: fc.constant(links),
        order: fc.shuffledSubarray(links, { minLength: links.length }),
        again: fc.subarray(links),
      }),
    );
    fc.assert(
      fc.property(shuffled, ({ nodes, links, order, again }) => {
        const one = meshOf(links);
        const other = meshOf(order);
        for (const link of again) {
          other.withdraw(keyOf(link[0]), keyOf(link[1]));
          report(other, link);
        }
        for (let node = nodes - 1; node >= 0; node--)
          for (const each of [one, other]) each.addNode(keyOf(node));
        for (let from = 0; from < nodes; from++)
          for (let to = from + 1; to < nodes; to++)
            expect(other.pair(keyOf(from), keyOf(to))).toEqual(one.pair(keyOf(from), keyOf(to)));
      }),
      { numRuns: 500 },
    );
  });
});

function checkPaths(route: Route, links: readonly TestLink[], from: number, to: number): void {
  const paths = pathsOf(route);
  for (const path of paths) {
    expect([path[0], path.at(-1)]).toEqual([from, to]);
    expect(new Set(path).size).toBe(path.length);
  }
  const [first = [], second] = paths;
  expect(route.first.weight).toBe(weigh(links, first));
  expect(second === undefined).toBe(route.kind === 'single');
  if (second === undefined) return;
  expect(route.second?.weight).toBe(weigh(links, second));
  expect(route.first.weight).toBeLessThanOrEqual(route.second?.weight ?? 0);
  expect(shares(linksOf(first), linksOf(second))).toBe(false);
  expect(shares(relaysOf(first), relaysOf(second))).toBe(route.kind === 'link-disjoint');
}
