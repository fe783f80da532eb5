import type { PublicKey } from '../keys.ts';
import type { Member } from '../membership.ts';

/** What `mesh.show` answers: a list of these, by what is asked for. Names are for people, keys for programs. */
export interface ShownOf {
  nodes: ShownNode;
  links: ShownLink;
  routes: ShownRoute;
  circuits: ShownCircuit;
  apps: ShownApp;
}

export interface ShownNode {
  name: string;
  key: PublicKey;
  /** `HOST:PORT` each; none for one behind a router. */
  addresses: readonly string[];
  /** When it connected to the manager, ISO 8601; null for one that has links but no connection now. */
  since: string | null;
  version: string | null;
  /** How many it has. */
  links: number;
}

/** Of two values the first is that of the first end. */
export interface ShownLink {
  names: readonly [string, string];
  keys: readonly [PublicKey, PublicKey];
  /** Seconds, the greater of what both ends measure. */
  rtt: number;
  /** 0 to 1, the greater of both. */
  loss: number;
  /** 0 to 1, the greater of both. */
  load: number;
  /** Microseconds. */
  weight: number;
  /** Bytes sent to the other end. */
  sent: readonly [number, number];
  /** Of these, bytes that were passed on for other nodes. */
  forwarded: readonly [number, number];
}

/** One path of a circuit. */
export interface ShownRoute {
  circuit: string;
  path: number;
  /** From the opener on. */
  names: readonly string[];
  keys: readonly PublicKey[];
  /** Microseconds; null when a link of it is gone. */
  weight: number | null;
  /** Whether the opener sends on it. */
  inUse: boolean;
  /** What the paths of this circuit share; null when there is no route now. */
  kind: 'node-disjoint' | 'link-disjoint' | 'single' | null;
}

export interface ShownCircuit {
  circuit: string;
  from: string;
  to: string;
  fromKey: PublicKey;
  toKey: PublicKey;
  /** How many paths are in place. */
  paths: number;
  /** Since when this manager knows of it, ISO 8601. */
  since: string;
  /** In a word or two. */
  state: string;
}

export interface ShownApp {
  name: string;
  type: string;
  node: string;
  key: PublicKey;
}

/** What `members.show` answers: the list of members that is in force at a node. */
export interface ShownMembers {
  /** Null, and the number 0, without a list. */
  rack: PublicKey | null;
  number: number;
  members: readonly Member[];
  /** Of the node that answers. */
  key: PublicKey;
}
