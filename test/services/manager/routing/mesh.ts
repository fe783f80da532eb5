import fc from 'fast-check';
import { Routing, type RoutingOptions } from '../../../../services/manager/routing/routing.ts';
import type { Figures } from '../../../../services/manager/routing/weight.ts';
import { type PublicKey, publicKeyOf } from '../../../../services/net/keys.ts';

/** A link between two nodes, given by number, and its round-trip time in milliseconds. */
export type TestLink = readonly [one: number, other: number, ms: number];

/** The key of a node of tests: keys are ordered as numbers are. */
export function keyOf(node: number): PublicKey {
  return publicKeyOf(Buffer.alloc(32, node + 1));
}

export function nodeOf(key: PublicKey): number {
  return Number.parseInt(key.slice(0, 2), 16) - 1;
}

/** A link without loss and load. */
export function figuresOf(ms: number): Figures {
  return { rtt: ms / 1000, loss: 0, load: 0 };
}

/** What `weightOf` gives for these figures, µs. */
export function microseconds(ms: number): number {
  return 400 + 1000 * ms;
}

export function meshOf(links: readonly TestLink[], options: RoutingOptions = {}): Routing {
  const routing = new Routing(options);
  for (const [one, other] of links) for (const node of [one, other]) routing.addNode(keyOf(node));
  for (const link of links) report(routing, link);
  return routing;
}

/** Both ends report. */
export function report(routing: Routing, [one, other, ms]: TestLink): ReturnType<Routing['report']> {
  return [
    ...routing.report(keyOf(one), keyOf(other), figuresOf(ms)),
    ...routing.report(keyOf(other), keyOf(one), figuresOf(ms)),
  ];
}

/** Graphs of up to eight nodes; few different times, so that many paths weigh the same. */
export function smallGraphs(mostNodes = 8): fc.Arbitrary<{ nodes: number; links: TestLink[] }> {
  return fc.integer({ min: 2, max: mostNodes }).chain((nodes) => {
    const node = fc.nat(nodes - 1);
    const link = fc
      .tuple(node, node, fc.integer({ min: 0, max: 6 }))
      .filter(([one, other]) => one !== other)
      .map(([one, other, ms]): TestLink => [Math.min(one, other), Math.max(one, other), ms]);
    const links = fc.uniqueArray(link, { maxLength: 14, selector: ([one, other]) => `${one}-${other}` });
    return fc.record({ nodes: fc.constant(nodes), links });
  });
}
