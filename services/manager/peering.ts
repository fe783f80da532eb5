import type { PublicKey } from '../net/keys.ts';

/** Most nodes that one node is told to have links with. */
export const maxPeers = 32;

/** A node, as far as it matters for whom it has links with. */
export interface Place {
  key: PublicKey;
  /** Whether others can dial it. */
  reachable: boolean;
}

/** Links that a node which cannot be dialled gets in a large mesh. */
const dialledOut = 4;
/** Chords of a node: to half of the circle, a quarter, an eighth … */
const chords = 10;
const circle = 2n ** 64n;

/**
 * Who has a link with whom. All with all, as long as that gives nobody more than {@link maxPeers}; else a ring of all
 * that can be dialled, in the order of their keys, with chords, so that it holds together without any one node and ways
 * are short (as in Chord, Stoica et al., SIGCOMM 2001). A node that cannot be dialled is tied to several of the ring.
 * The same nodes give the same choice, and a node that comes or goes changes only a few links.
 */
export function choosePeers(places: readonly Place[]): Map<PublicKey, Set<PublicKey>> {
  const sorted = places.toSorted((a, b) => (a.key < b.key ? -1 : 1));
  const ring = sorted.filter(({ reachable }) => reachable).map(({ key }) => key);
  const others = sorted.filter(({ reachable }) => !reachable).map(({ key }) => key);
  const peers = new Map(sorted.map(({ key }) => [key, new Set<PublicKey>()]));
  if (sorted.length <= maxPeers + 1) {
    for (const one of ring) for (const { key } of sorted) connect(peers, one, key);
    return peers;
  }
  for (const [place, key] of ring.entries()) connect(peers, key, ring[(place + 1) % ring.length] ?? key);
  for (const key of others)
    for (let tie = 0; tie < dialledOut; tie++) connectNearest(peers, ring, key, pointAcross(key, tie));
  for (let chord = 0; chord < chords; chord++)
    for (const key of ring) {
      const end = ring[placeOf(ring, pointAcross(key, chord))] ?? key;
      if (hasRoom(peers, key) && hasRoom(peers, end)) connect(peers, key, end);
    }
  return peers;
}

function connect(peers: Map<PublicKey, Set<PublicKey>>, one: PublicKey, other: PublicKey): void {
  if (one === other) return;
  peers.get(one)?.add(other);
  peers.get(other)?.add(one);
}

/** Connects with the first node from a point on that has room. */
function connectNearest(
  peers: Map<PublicKey, Set<PublicKey>>,
  ring: readonly PublicKey[],
  key: PublicKey,
  point: bigint,
): void {
  const start = placeOf(ring, point);
  for (let step = 0; step < ring.length; step++) {
    const end = ring[(start + step) % ring.length];
    if (end === undefined || !hasRoom(peers, end) || peers.get(end)?.has(key)) continue;
    connect(peers, key, end);
    return;
  }
}

function hasRoom(peers: Map<PublicKey, Set<PublicKey>>, key: PublicKey): boolean {
  return (peers.get(key)?.size ?? 0) < maxPeers;
}

/** The point of the circle that lies half of it ahead of a key, a quarter of it … */
function pointAcross(key: PublicKey, halvings: number): bigint {
  return (positionOf(key) + (circle >> BigInt(halvings + 1))) % circle;
}

/** @returns the place in the ring of the first key from a point on */
function placeOf(ring: readonly PublicKey[], point: bigint): number {
  let low = 0;
  let high = ring.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (positionOf(ring[middle] as PublicKey) < point) low = middle + 1;
    else high = middle;
  }
  return low % Math.max(ring.length, 1);
}

function positionOf(key: PublicKey): bigint {
  return BigInt(`0x${key.slice(0, 16)}`);
}
