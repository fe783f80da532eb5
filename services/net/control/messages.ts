/**
 * What a node and its manager tell each other: JSON-RPC 2.0 on a control connection, both ends calling.
 * Methods, who calls them, and what goes with them are in {@link managerMethods} and {@link nodeMethods}.
 */
import {
  type Fields,
  fail,
  integer,
  list,
  number,
  optionalText,
  shape,
  text,
  texts,
} from '../../signal/shape.ts';
import type { PublicKey } from '../keys.ts';
import { circuitOf, keyOf, pathShape, type Rule, ruleShape } from './rules.ts';

/** Called by a node. */
export const managerMethods = {
  /** {@link Hello} → {@link Welcome}; the first call of a connection. */
  hello: 'node.hello',
  /** {@link LinkReports} → null. All links, every {@link Welcome.reportMs} and whenever one came or went. */
  links: 'node.links',
  /** {@link CircuitWanted} → null, once the rules of its paths are in place. */
  open: 'circuit.open',
  /** {@link CircuitNamed} → null. */
  close: 'circuit.close',
  /** {@link AppsHere} → {@link AppsRefused}. All apps of this node: after each hello, and whenever one came or went. */
  apps: 'apps.set',
  /** {@link AppsWanted} → {@link AppsFound}. */
  find: 'apps.find',
  /** {@link ShowWanted} → a list, for people and programs that look at the mesh. */
  show: 'mesh.show',
  /** {@link MemberList} → null. A newer list than the manager has; another one changes nothing. */
  members: 'members.set',
} as const;

/** Called by the manager. */
export const nodeMethods = {
  /** {@link Peers} → null. The nodes to have links with from now on. */
  peers: 'peers.set',
  /** {@link Rules} → null. All or none are taken. */
  addRules: 'rules.add',
  /** {@link Paths} → null. Paths that are not there are ignored. */
  removeRules: 'rules.remove',
  /** {@link MemberList} → null. */
  members: 'members.set',
} as const;

/** Codes of refusals, from JSON-RPC's range for servers. */
export const controlError = {
  /** There is no such node, or it is not connected to the manager. */
  unknownNode: -32_020,
  /** No path leads there now. */
  noRoute: -32_021,
  /** A rule, or its label, is in use. */
  ruleConflict: -32_022,
} as const;

export const limits = {
  /** Largest message, in bytes. */
  messageBytes: 4 * 1024 * 1024,
  nodes: 10_000,
  links: 1_024,
  addresses: 16,
  apps: 1_024,
  /** So many fit in a message with what else there is to say. */
  rules: 12_288,
  nameLength: 64,
  addressLength: 256,
  reportMs: 3_600_000,
} as const;

/** A node to have a link with. */
export interface Peer {
  key: PublicKey;
  name: string;
  /** `HOST:PORT` each; none for one behind a router. */
  addresses: readonly string[];
}

export interface Hello {
  /** For people. */
  name: string;
  version: string;
  /** Where other nodes can dial this one, `HOST:PORT` each; none for one behind a router. */
  addresses: string[];
  /** All that are in force here: a manager that knows less learns its circuits from them. */
  rules: Rule[];
  /** Number of the list of members that the node has; 0 for none. */
  list: number;
}

export interface Welcome {
  domain: string;
  /** Milliseconds between reports of links. */
  reportMs: number;
  peers: Peer[];
  /** The signed text of the list of members, if the manager has a newer one. */
  members?: string | undefined;
}

/** What a node has measured of a link. */
export interface LinkReport {
  neighbour: PublicKey;
  /** Smoothed round-trip time, seconds. */
  rtt: number;
  /** Part of what was sent that did not arrive, 0 to 1. */
  loss: number;
  /** Part of the time in which something waited to be sent, 0 to 1. */
  load: number;
  /** Bytes of payload sent to the neighbour, since the node started; those of other nodes' circuits among them. */
  sent: number;
  /** Bytes of payload that this node passed on to the neighbour for other nodes, since the node started. */
  forwarded: number;
}

export interface LinkReports {
  links: LinkReport[];
  /** Of each circuit that the node has opened, the path on which it sends. */
  inUse: { circuit: string; path: number }[];
}

export interface CircuitNamed {
  /** 32 hex digits, chosen by the node that opens it. */
  circuit: string;
}

export interface CircuitWanted extends CircuitNamed {
  to: PublicKey;
}

export interface App {
  /** Unique in the mesh. */
  name: string;
  /** What the app does, the same for all that do it. */
  type: string;
}

export interface AppsHere {
  apps: App[];
}

export interface AppsRefused {
  /** Names that belong to apps of other nodes. */
  refused: string[];
}

export interface AppsWanted {
  name?: string | undefined;
  type?: string | undefined;
}

export interface AppsFound {
  apps: (App & { node: PublicKey })[];
}

export const shown = ['nodes', 'links', 'routes', 'circuits', 'apps'] as const;
export type Shown = (typeof shown)[number];

export interface ShowWanted {
  what: Shown;
}

export interface Peers {
  peers: Peer[];
}

export interface Rules {
  rules: Rule[];
}

export interface Paths {
  paths: { circuit: string; path: number }[];
}

export interface MemberList {
  members: string;
}

export const helloShape = shape(
  (fields): Hello => ({
    name: text(fields, 'name', limits.nameLength),
    version: text(fields, 'version', limits.nameLength),
    addresses: addressesOf(fields),
    rules: list(fields, 'rules', limits.rules).map(ruleShape.parse),
    list: integer(fields, 'list', 0),
  }),
);

export const welcomeShape = shape(
  (fields): Welcome => ({
    domain: text(fields, 'domain', limits.addressLength),
    reportMs: intervalOf(fields),
    peers: peersOf(fields),
    members: optionalText(fields, 'members'),
  }),
);

export const linkReportsShape = shape(
  (fields): LinkReports => ({
    links: list(fields, 'links', limits.links).map(linkReportShape.parse),
    inUse: fields.inUse === undefined ? [] : list(fields, 'inUse', limits.rules).map(pathShape.parse),
  }),
);

export const circuitNamedShape = shape((fields): CircuitNamed => ({ circuit: circuitOf(fields) }));

export const circuitWantedShape = shape(
  (fields): CircuitWanted => ({ circuit: circuitOf(fields), to: keyOf(fields, 'to') }),
);

export const appsHereShape = shape(
  (fields): AppsHere => ({ apps: list(fields, 'apps', limits.apps).map(appShape.parse) }),
);

export const appsRefusedShape = shape((fields): AppsRefused => ({ refused: texts(fields, 'refused') }));

export const appsWantedShape = shape(
  (fields): AppsWanted => ({ name: optionalWord(fields, 'name'), type: optionalWord(fields, 'type') }),
);

export const appsFoundShape = shape(
  (fields): AppsFound => ({
    apps: list(fields, 'apps').map((each) => foundShape.parse(each)),
  }),
);

export const showWantedShape = shape((fields): ShowWanted => {
  const what = shown.find((each) => each === fields.what);
  return { what: what ?? fail('what', shown.join(', ')) };
});

export const peersShape = shape((fields): Peers => ({ peers: peersOf(fields) }));

export const rulesShape = shape(
  (fields): Rules => ({ rules: list(fields, 'rules', limits.rules).map(ruleShape.parse) }),
);

export const pathsShape = shape(
  (fields): Paths => ({ paths: list(fields, 'paths', limits.rules).map(pathShape.parse) }),
);

export const memberListShape = shape((fields): MemberList => ({ members: text(fields, 'members') }));

const linkReportShape = shape(
  (fields): LinkReport => ({
    neighbour: keyOf(fields, 'neighbour'),
    rtt: number(fields, 'rtt'),
    loss: number(fields, 'loss'),
    load: number(fields, 'load'),
    sent: number(fields, 'sent'),
    forwarded: number(fields, 'forwarded'),
  }),
);

const appShape = shape((fields): App => ({ name: wordOf(fields, 'name'), type: wordOf(fields, 'type') }));

const foundShape = shape((fields) => ({ ...appShape.parse(fields), node: keyOf(fields, 'node') }));

const peerShape = shape(
  (fields): Peer => ({
    key: keyOf(fields, 'key'),
    name: text(fields, 'name', limits.nameLength),
    addresses: addressesOf(fields),
  }),
);

function intervalOf(fields: Fields): number {
  const interval = integer(fields, 'reportMs', 1);
  return interval <= limits.reportMs ? interval : fail('reportMs', `at most ${limits.reportMs} ms`);
}

function peersOf(fields: Fields): Peer[] {
  return list(fields, 'peers', limits.nodes).map(peerShape.parse);
}

function addressesOf(fields: Fields): string[] {
  const addresses = list(fields, 'addresses', limits.addresses);
  return addresses.map((address) =>
    typeof address === 'string' && address.length <= limits.addressLength
      ? address
      : fail('addresses', `texts of at most ${limits.addressLength} characters`),
  );
}

/** A name of an app or of a type. @throws {ShapeError} */
export function wordOf(fields: Fields, field: string): string {
  const word = text(fields, field, limits.nameLength);
  return /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(word)
    ? word
    : fail(field, `1 to ${limits.nameLength} of letters, digits, ".", "_" and "-", a letter or digit first`);
}

function optionalWord(fields: Fields, field: string): string | undefined {
  return fields[field] === undefined ? undefined : wordOf(fields, field);
}
