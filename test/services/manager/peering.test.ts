import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { choosePeers, maxPeers, type Place } from '../../../services/manager/peering.ts';
import { type PublicKey, publicKeyOf } from '../../../services/net/keys.ts';

const key = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(publicKeyOf);

/** @param reachable whether all can be dialled, or one in two */
const places = (minLength: number, maxLength: number, reachable?: true) =>
  fc.uniqueArray(fc.record({ key, reachable: reachable ? fc.constant(true) : fc.boolean() }), {
    minLength,
    maxLength,
    selector: (place) => place.key,
  });

describe('whom nodes have links with', () => {
  it('is everybody in a small mesh, but for two of which neither can be dialled', () => {
    fc.assert(
      fc.property(places(0, maxPeers + 1), (all) => {
        const chosen = choosePeers(all);
        for (const one of all)
          for (const other of all) {
            const wanted = one !== other && (one.reachable || other.reachable);
            expect(chosen.get(one.key)?.has(other.key)).toBe(wanted);
          }
      }),
    );
  });

  it('is mutual, never too many, and holds together without any one node in a large one', () => {
    fc.assert(
      fc.property(places(maxPeers + 2, 150, true), (all) => {
        const chosen = choosePeers(all);
        checkMutual(chosen);
        expect(chosen.size).toBe(all.length);
        expect(isConnected(chosen)).toBe(true);
        for (const { key: gone } of all) expect(isConnected(chosen, gone)).toBe(true);
      }),
      { numRuns: 20 },
    );
  });

  it('ties those that cannot be dialled to several that can', () => {
    fc.assert(
      fc.property(places(60, 150), (all) => {
        const chosen = choosePeers(all);
        checkMutual(chosen);
        const reachable = new Set(all.filter((place) => place.reachable).map((place) => place.key));
        for (const { key: from, reachable: isReachable } of all) {
          const peers = [...(chosen.get(from) ?? [])];
          if (!isReachable) {
            expect(peers.every((peer) => reachable.has(peer))).toBe(true);
            if (reachable.size >= 20) expect(peers.length).toBeGreaterThanOrEqual(2);
          }
        }
      }),
      { numRuns: 20 },
    );
  });

  it('is the same in whatever order they came, and changes little when one goes', () => {
    const all = fc.sample(places(300, 300, true), { numRuns: 1, seed: 7 })[0] ?? [];
    const chosen = choosePeers(all);
    expect(choosePeers(all.toReversed())).toEqual(chosen);
    const gone = all[0]?.key;
    const after = choosePeers(all.slice(1));
    const changed = linksOf(after).filter((link) => !linksOf(chosen).includes(link));
    expect(changed.length).toBeLessThan(maxPeers);
    expect(linksOf(after).some((link) => link.includes(gone ?? ''))).toBe(false);
  });

  it('is a short way for everybody: few hops in a mesh of a thousand', () => {
    const all: Place[] = fc.sample(places(1_000, 1_000, true), { numRuns: 1, seed: 7 })[0] ?? [];
    const chosen = choosePeers(all);
    expect(farthest(chosen, all[0]?.key as PublicKey)).toBeLessThanOrEqual(6);
  });
});

type Chosen = Map<PublicKey, Set<PublicKey>>;

function checkMutual(chosen: Chosen): void {
  for (const [from, peers] of chosen) {
    expect(peers.has(from)).toBe(false);
    expect(peers.size).toBeLessThanOrEqual(maxPeers);
    for (const peer of peers) expect(chosen.get(peer)?.has(from)).toBe(true);
  }
}

function isConnected(chosen: Chosen, without?: PublicKey): boolean {
  const start = [...chosen.keys()].find((each) => each !== without);
  return start === undefined || reach(chosen, start, without).size === chosen.size - (without ? 1 : 0);
}

function farthest(chosen: Chosen, from: PublicKey): number {
  return Math.max(...reach(chosen, from).values());
}

/** @returns hops to each node that can be reached */
function reach(chosen: Chosen, from: PublicKey, without?: PublicKey): Map<PublicKey, number> {
  const hops = new Map([[from, 0]]);
  for (const [node, distance] of hops)
    for (const peer of chosen.get(node) ?? [])
      if (peer !== without && !hops.has(peer)) hops.set(peer, distance + 1);
  return hops;
}

function linksOf(chosen: Chosen): string[] {
  return [...chosen].flatMap(([from, peers]) =>
    [...peers].flatMap((peer) => (from < peer ? [`${from} ${peer}`] : [])),
  );
}
