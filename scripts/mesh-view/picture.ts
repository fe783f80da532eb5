import type { PublicKey } from '../../services/net/keys.ts';

/** The mesh at one moment, as its manager sees it. */
export interface MeshPicture {
  links: LinkSeen[];
  circuits: CircuitSeen[];
}

/** One link, with what each of its ends says of it; an end that has said nothing is undefined. */
export interface LinkSeen {
  ends: readonly [PublicKey, PublicKey];
  /** Smoothed round-trip time, seconds. */
  rtt: number;
  /** 0 to 1. */
  loss: number;
  /** Bytes sent by the first and by the second end since their nodes started. */
  sent: readonly [number, number];
}

export interface CircuitSeen {
  from: PublicKey;
  to: PublicKey;
  /** The nodes of each path in order, both ends among them; the one in use first. */
  paths: PublicKey[][];
}

/** Names a link whichever end is named first. */
export function linkName(one: PublicKey, other: PublicKey): string {
  return one < other ? `${one} ${other}` : `${other} ${one}`;
}
