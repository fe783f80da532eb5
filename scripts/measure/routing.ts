import { Routing } from '../../services/manager/routing/routing.ts';
import type { Figures } from '../../services/manager/routing/weight.ts';
import { type PublicKey, publicKeyOf } from '../../services/net/keys.ts';
import type { Row } from './row.ts';

interface RoutingOptions {
  nodes: number;
  /** More than there are nodes. */
  links: number;
}

/** One value each, as a round of a benchmark needs it. */
interface RoutingFigures {
  /** To compute one route pair, ms: of 100 the slowest but one. */
  routeP99Ms: number;
  /** From a report of a link until all circuits, one a node, have their routes, ms: of 100 the slowest but one. */
  changeMs: number;
}

const ROUTES = 2_000;
/** Links that change, each four times. */
const CHANGED_LINKS = 200;
/** Until then code is being compiled: not counted. */
const WARM_UP_ROUTES = 500;
const WARM_UP_LINKS = 20;
/** Round-trip times, seconds: from one room to one world. */
const SHORTEST_RTT = 0.0005;
const LONGEST_RTT = 0.3;

/** Rows of the manager's routes, in meshes of the size that must be and of the size aimed at. */
export function routingRows(rounds: number, progress: (text: string) => void): Row[] {
  const sizes = [
    { nodes: 1_000, links: 5_000 },
    { nodes: 10_000, links: 50_000 },
  ];
  return sizes.flatMap((size, index): Row[] => {
    const figures = Array.from({ length: index === 0 ? rounds : 1 }, (_, round) => {
      progress(`routes among ${size.nodes} nodes: round ${round + 1}`);
      return measureRouting(size);
    });
    const of = `${size.nodes} nodes, ${size.links} links`;
    const bounds =
      index === 0 ? (limit: number) => ({ must: { limit } }) : (limit: number) => ({ goal: { limit } });
    const row = (what: string, key: keyof RoutingFigures, limit: number): Row => ({
      ...{ group: 'manager', what: `${of}: ${what}`, unit: 'ms', peers: {}, ...bounds(limit) },
      ours: figures.map((each) => each[key]),
    });
    return [row('a route, p99', 'routeP99Ms', 5), row('a changed link settles, p99', 'changeMs', 50)];
  });
}

interface Link {
  ends: readonly [PublicKey, PublicKey];
  figures: Figures;
}

/** Measures routes in a random mesh, the same every time. Blocks until it is done: a second, a minute for 10,000 nodes. */
function measureRouting({ nodes, links }: RoutingOptions): RoutingFigures {
  const random = randomNumbers();
  const keys = Array.from({ length: nodes }, () => keyFrom(random));
  const mesh = meshOf(keys, links, random);
  const routing = new Routing();
  for (const key of keys) routing.addNode(key);
  for (const { ends, figures } of mesh) {
    routing.report(...ends, figures);
    routing.report(...swapped(ends), figures);
  }
  const routeTimes = Array.from({ length: WARM_UP_ROUTES + ROUTES }, () => {
    const [from, to] = twoOf(keys, random);
    return timeOf(() => routing.pair(from, to));
  });
  for (const [index, key] of keys.entries()) {
    const [one, other] = twoOf(keys, random);
    routing.open(String(index), key, one === key ? other : one);
  }
  const changeTimes = Array.from({ length: WARM_UP_LINKS + CHANGED_LINKS }, () =>
    changeTimesOf(routing, mesh[below(mesh.length, random)] as Link),
  );
  return {
    routeP99Ms: percentile99(routeTimes.slice(WARM_UP_ROUTES)),
    changeMs: percentile99(changeTimes.slice(WARM_UP_LINKS).flat()),
  };
}

/** A link is cut, comes back, gets ten times as slow, and as fast as before. @returns ms */
function changeTimesOf(routing: Routing, { ends, figures }: Link): number[] {
  return [
    timeOf(() => routing.withdraw(...ends)),
    timeOf(() => routing.report(...ends, figures)),
    timeOf(() => routing.report(...ends, { ...figures, rtt: 10 * figures.rtt })),
    timeOf(() => routing.report(...ends, figures)),
  ];
}

/** A ring, so that all nodes are connected, and links between any two. */
function meshOf(keys: readonly PublicKey[], links: number, random: () => number): Link[] {
  const ring = keys.map((key, index) => [key, keys[(index + 1) % keys.length] as PublicKey] as const);
  const ends = new Map(ring.map((pair) => [nameOf(pair), pair]));
  while (ends.size < links) {
    const pair = twoOf(keys, random);
    ends.set(nameOf(pair), pair);
  }
  return Array.from(ends.values(), (pair) => ({
    ends: pair,
    figures: {
      rtt: SHORTEST_RTT * (LONGEST_RTT / SHORTEST_RTT) ** random(),
      ...{ loss: 0.01 * random(), load: random() },
    },
  }));
}

function nameOf(ends: readonly [PublicKey, PublicKey]): string {
  return ends.toSorted().join(' ');
}

function swapped([one, other]: readonly [PublicKey, PublicKey]): [PublicKey, PublicKey] {
  return [other, one];
}

function twoOf(keys: readonly PublicKey[], random: () => number): [PublicKey, PublicKey] {
  const first = below(keys.length, random);
  const second = (first + 1 + below(keys.length - 1, random)) % keys.length;
  return [keys[first] as PublicKey, keys[second] as PublicKey];
}

function keyFrom(random: () => number): PublicKey {
  return publicKeyOf(Uint8Array.from({ length: 32 }, () => below(256, random)));
}

function below(limit: number, random: () => number): number {
  return Math.floor(limit * random());
}

function timeOf(work: () => unknown): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

function percentile99(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil(0.99 * sorted.length) - 1] as number;
}

/** Numbers from 0 to less than 1 (mulberry32, Tommy Ettinger 2017, public domain). */
function randomNumbers(): () => number {
  let state = 1;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
