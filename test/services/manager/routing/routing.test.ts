import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidCircuit, InvalidReport, UnknownNode } from '../../../../services/manager/routing/errors.ts';
import { Routing } from '../../../../services/manager/routing/routing.ts';
import { bestRoute } from './brute-force.ts';
import { figuresOf, keyOf, meshOf, nodeOf, report, smallGraphs, type TestLink } from './mesh.ts';

const [a, b, c, d] = [keyOf(0), keyOf(1), keyOf(2), keyOf(3)] as const;
const ring: TestLink[] = [
  [0, 1, 10],
  [1, 2, 10],
  [2, 3, 10],
  [3, 0, 10],
];

describe('a link', () => {
  it('counts as soon as both ends report it, and no sooner', () => {
    const routing = meshOf([]);
    for (const key of [a, b]) routing.addNode(key);
    expect(routing.open('x', a, b)).toBeUndefined();
    expect(routing.report(a, b, figuresOf(1))).toEqual([]);
    expect(routing.pair(a, b)).toBeUndefined();
    const [move] = routing.report(b, a, figuresOf(1));
    expect(move).toMatchObject({ circuit: 'x', before: undefined, after: { kind: 'single' } });
  });

  it('is cut when one end withdraws it, whatever the other says', () => {
    const routing = meshOf(ring);
    routing.withdraw(a, b);
    routing.report(b, a, figuresOf(1));
    expect(routing.pair(a, b)?.first.nodes).toEqual([a, d, c, b]);
  });

  it('weighs what the worse of both ends says', () => {
    const routing = meshOf([]);
    for (const key of [a, b]) routing.addNode(key);
    routing.report(a, b, figuresOf(1));
    routing.report(b, a, figuresOf(30));
    expect(routing.pair(a, b)?.weight).toBe(30_400);
  });

  it('is gone, with its reports, when its node is removed', () => {
    const routing = meshOf(ring);
    routing.removeNode(b);
    routing.addNode(b);
    routing.report(b, a, figuresOf(1));
    expect(routing.pair(a, b)).toBeUndefined();
  });

  it.each([
    [{ rtt: -1, loss: 0, load: 0 }],
    [{ rtt: Number.NaN, loss: 0, load: 0 }],
    [{ rtt: 0, loss: 1.1, load: 0 }],
    [{ rtt: 0, loss: 0, load: -0.1 }],
  ])('is not reported as %j', (figures) => {
    const routing = meshOf(ring);
    expect(() => routing.report(a, b, figures)).toThrow(InvalidReport);
    expect(() => routing.report(a, a, figuresOf(1))).toThrow(InvalidReport);
    expect(() => routing.report(a, keyOf(9), figuresOf(1))).toThrow(UnknownNode);
  });
});

describe('a circuit', () => {
  it('moves when a link of it is cut, and others stay', () => {
    const routing = meshOf([...ring, [0, 2, 10]]);
    routing.open('one', a, b);
    routing.open('other', c, d);
    const before = routing.routeOf('other');
    expect(routing.withdraw(a, b)).toEqual([
      { circuit: 'one', before: expect.anything(), after: routing.routeOf('one') },
    ]);
    expect(routing.routeOf('one')?.kind).toBe('single');
    expect(routing.routeOf('other')).toBe(before);
  });

  it('waits for a route when there is none, and for a node that has left', () => {
    const routing = meshOf([[0, 1, 1]]);
    routing.open('x', a, b);
    expect(routing.removeNode(b)).toEqual([{ circuit: 'x', before: expect.anything(), after: undefined }]);
    routing.addNode(b);
    expect(report(routing, [0, 1, 2])).toMatchObject([{ circuit: 'x', before: undefined }]);
    expect(routing.routeOf('x')?.weight).toBe(2_400);
  });

  it('stays on its route for a gain below the margin, and moves for one above it', () => {
    const links: TestLink[] = [
      [0, 1, 10],
      [1, 3, 10],
      [0, 2, 20],
      [2, 3, 20],
      [0, 4, 30],
      [4, 3, 30],
    ];
    const routing = meshOf(links, { band: 0 });
    routing.open('x', a, d);
    expect(report(routing, [0, 4, 5])).toEqual([]);
    expect(report(routing, [4, 3, 4])).toMatchObject([{ circuit: 'x', after: { kind: 'node-disjoint' } }]);
    expect(routing.routeOf('x')?.first.nodes.map(nodeOf)).toEqual([0, 4, 3]);
  });

  it('is not concerned by a link that wavers within the band', () => {
    const routing = meshOf(ring);
    const before = routing.open('x', a, b);
    for (const ms of [11, 9, 12, 8.5, 10]) expect(report(routing, [0, 1, ms])).toEqual([]);
    expect(routing.routeOf('x')).toBe(before);
  });

  it('takes the better kind at once, however heavy', () => {
    const routing = meshOf([[0, 1, 1]]);
    routing.open('x', a, b);
    for (const key of [c]) routing.addNode(key);
    report(routing, [0, 2, 1_000]);
    expect(report(routing, [2, 1, 1_000])).toMatchObject([{ after: { kind: 'node-disjoint' } }]);
  });

  it('has two ends that are here, and an id of its own', () => {
    const routing = meshOf(ring);
    routing.open('x', a, b);
    expect(() => routing.open('x', b, c)).toThrow(InvalidCircuit);
    expect(() => routing.open('y', a, a)).toThrow(InvalidCircuit);
    expect(() => routing.open('y', a, keyOf(9))).toThrow(UnknownNode);
    expect(() => routing.pair(keyOf(9), a)).toThrow(UnknownNode);
    routing.close('x');
    expect(routing.routeOf('x')).toBeUndefined();
    expect(routing.withdraw(a, b)).toEqual([]);
  });
});

describe('a route without some relays', () => {
  it('is the best of what they leave, and changes nothing for others', () => {
    fc.assert(
      fc.property(smallGraphs(), fc.uniqueArray(fc.nat(7)), ({ nodes, links }, avoided) => {
        const routing = meshOf(links);
        for (let node = 0; node < nodes; node++) routing.addNode(keyOf(node));
        const [from, to] = [0, nodes - 1];
        const before = routing.open('x', keyOf(from), keyOf(to));
        const rest = links.filter(
          ([one, other]) =>
            ![one, other].some((node) => node !== from && node !== to && avoided.includes(node)),
        );
        const route = routing.pair(keyOf(from), keyOf(to), avoided.map(keyOf));
        expect(route && { kind: route.kind, weight: route.weight }).toEqual(bestRoute(rest, from, to));
        expect(routing.pair(keyOf(from), keyOf(to))).toEqual(before);
        const [cut] = links;
        if (cut === undefined) return;
        routing.withdraw(keyOf(cut[0]), keyOf(cut[1]));
        expect(routing.routeOf('x')?.weight).toBe(bestRoute(links.slice(1), from, to)?.weight);
      }),
      { numRuns: 500 },
    );
  });
});

describe('a circuit that has paths already', () => {
  const present = [
    [a, b, c],
    [a, d, c],
  ];

  it('keeps them while others are not better by the margin', () => {
    const routing = meshOf([...ring, [0, 2, 19]]);
    expect(routing.pair(a, c)?.first.nodes).toEqual([a, c]);
    expect(routing.open('x', a, c, present)).toMatchObject({
      ...{ kind: 'node-disjoint', first: { nodes: [a, b, c] }, second: { nodes: [a, d, c] } },
    });
  });

  it('gets the best ones when these are far better, or its own are not whole', () => {
    expect(meshOf([...ring, [0, 2, 1]]).open('x', a, c, present)?.first.nodes).toEqual([a, c]);
    const routing = meshOf(ring.slice(1));
    expect(routing.open('x', a, c, present)).toMatchObject({ kind: 'single', first: { nodes: [a, d, c] } });
  });
});

type Step =
  | { do: 'report'; link: TestLink }
  | { do: 'withdraw'; link: TestLink }
  | { do: 'remove'; node: number };

const NODES = 6;
const MARGIN = 0.2;
const link = fc
  .tuple(fc.nat(NODES - 1), fc.nat(NODES - 1), fc.integer({ min: 0, max: 9 }))
  .filter(([one, other]) => one !== other)
  .map((parts): TestLink => parts);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('report' as const), link }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('withdraw' as const), link }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('remove' as const), node: fc.nat(NODES - 1) }) },
);

describe('all circuits, whatever happens to links', () => {
  it('are on the best kind of route, none of which is lighter by more than the margin; and each move is told', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const routing = new Routing({ band: 0, margin: MARGIN });
        for (let node = 0; node < NODES; node++) routing.addNode(keyOf(node));
        const circuits = new Map<string, readonly [number, number]>();
        for (let from = 0; from < NODES; from++)
          for (let to = 0; to < from; to++) circuits.set(`${from}-${to}`, [from, to]);
        for (const [id, [from, to]] of circuits) routing.open(id, keyOf(from), keyOf(to));
        let links: TestLink[] = [];
        for (const each of steps) {
          const before = new Map([...circuits.keys()].map((id) => [id, nodesOf(routing, id)]));
          const moves = take(routing, each);
          links = after(links, each);
          const moved = new Set(moves.map(({ circuit }) => circuit));
          for (const [id, [from, to]] of circuits) {
            const route = routing.routeOf(id);
            const best = bestRoute(links, from, to);
            expect(route?.kind).toBe(best?.kind);
            if (route && best) expect(best.weight).toBeGreaterThanOrEqual((1 - MARGIN) * route.weight);
            if (!moved.has(id)) expect(nodesOf(routing, id)).toEqual(before.get(id));
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});

function nodesOf(routing: Routing, id: string): unknown {
  const route = routing.routeOf(id);
  return [route?.first.nodes, route?.second?.nodes];
}

function take(routing: Routing, each: Step): ReturnType<Routing['withdraw']> {
  if (each.do === 'report') return report(routing, each.link);
  if (each.do === 'withdraw') {
    const [one, other] = each.link.slice(0, 2).map((node) => keyOf(node)) as [typeof a, typeof a];
    return [...routing.withdraw(one, other), ...routing.withdraw(other, one)];
  }
  const moves = routing.removeNode(keyOf(each.node));
  routing.addNode(keyOf(each.node));
  return moves;
}

function after(links: readonly TestLink[], each: Step): TestLink[] {
  if (each.do === 'remove') return links.filter(([one, other]) => one !== each.node && other !== each.node);
  const ends = each.link.slice(0, 2);
  const rest = links.filter((link) => !(ends.includes(link[0]) && ends.includes(link[1])));
  return each.do === 'report' ? [...rest, each.link] : rest;
}
