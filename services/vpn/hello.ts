/** What the two ends of a tunnel tell each other on its stream, a line of JSON each, before packets flow on its channel. */

import { formatIp, formatNetwork, type IpBytes, type Network, parseIp, parseNetwork } from '../net/ip.ts';
import { type Fields, fail, flag, integer, list, shape, text, texts } from '../signal/shape.ts';
import { ADDRESS_BYTES } from './networks.ts';
import { LEAST_MTU } from './system/interface.ts';

/** The type under which servers register in the mesh. */
export const APP_TYPE = 'vpn';

const VERSION = 1;
const MOST_MTU = 65_535;
const most = { addresses: 2, routes: 64, dns: 4, reason: 500 } as const;

/** What a client says of itself. */
export interface Hello {
  /** It takes trains, and all else that `datagram.ts` has. */
  trains: boolean;
}

/** What a server gives a client, for as long as the stream stands. */
export interface Offer {
  /** The client's own, at most one of each family; with the prefix of a single address. */
  addresses: Network[];
  /** What can be reached through the server. */
  routes: Network[];
  /** Servers of names, 4 or 16 bytes each. */
  dns: IpBytes[];
  /** Largest packet the server takes, in bytes. */
  mtu: number;
  /** Both ends take trains: the client has said so. */
  trains: boolean;
}

/** The server has no place for this client, and says why. */
export class Refused extends Error {
  override readonly name = 'Refused';
}

/** The client's line. */
export function formatHello({ trains }: Hello): string {
  return `${JSON.stringify({ vpn: VERSION, ...(trains ? { trains } : {}) })}\n`;
}

/** @throws {SyntaxError | ShapeError} unless it is a client's line */
export function parseHello(line: string): Hello {
  return helloShape.parse(JSON.parse(line));
}

export function formatOffer({ addresses, routes, dns, mtu, trains }: Offer): string {
  const answer = {
    vpn: VERSION,
    addresses: addresses.map(({ bytes }) => formatIp(bytes)),
    routes: routes.map(formatNetwork),
    dns: dns.map(formatIp),
    mtu,
    ...(trains ? { trains } : {}),
  };
  return `${JSON.stringify(answer)}\n`;
}

export function formatRefusal(reason: string): string {
  return `${JSON.stringify({ vpn: VERSION, error: reason.slice(0, most.reason) })}\n`;
}

/** @throws {Refused} when the server says so; {SyntaxError | ShapeError} unless it is a server's line */
export function parseOffer(line: string): Offer {
  const answer = answerShape.parse(JSON.parse(line));
  if (typeof answer === 'string') throw new Refused(`the server refuses: ${answer}`);
  return answer;
}

const helloShape = shape((fields): Hello => {
  checkVersion(fields);
  return { trains: trainsIn(fields) };
});

const answerShape = shape((fields): Offer | string => {
  checkVersion(fields);
  if (fields.error !== undefined) return text(fields, 'error', most.reason);
  const mtu = integer(fields, 'mtu', LEAST_MTU);
  if (mtu > MOST_MTU) fail('mtu', `at most ${MOST_MTU}`);
  const addresses = addressesIn(fields, 'addresses', most.addresses);
  const families = new Set(addresses.map(({ length }) => length));
  if (addresses.length === 0 || families.size < addresses.length) fail('addresses', 'one of each family');
  if (!addresses.every(isUnicast)) fail('addresses', 'addresses that a machine can have');
  return {
    addresses: addresses.map((bytes) => ({ bytes, prefix: bytes.length * 8 })),
    routes: networksIn(fields, 'routes', most.routes),
    dns: addressesIn(fields, 'dns', most.dns),
    mtu,
    trains: trainsIn(fields),
  };
});

function checkVersion(fields: Fields): void {
  if (fields.vpn !== VERSION) fail('vpn', `version ${VERSION}`);
}

/** Whoever says nothing of trains is of a time before them. */
function trainsIn(fields: Fields): boolean {
  return fields.trains !== undefined && flag(fields, 'trains');
}

function networksIn(fields: Fields, field: string, most: number): Network[] {
  list(fields, field, most);
  return texts(fields, field).map(
    (item) => parseNetwork(item) ?? fail(field, 'networks such as 10.99.0.0/24'),
  );
}

function addressesIn(fields: Fields, field: string, most: number): IpBytes[] {
  list(fields, field, most);
  return texts(fields, field).map((item) => parseIp(item) ?? fail(field, 'IP addresses'));
}

/** An address that a machine can have: not loopback, not multicast, not none. */
function isUnicast(bytes: IpBytes): boolean {
  const [first = 0] = bytes;
  if (bytes.length === ADDRESS_BYTES[4]) return first > 0 && first < 224 && first !== 127;
  return first !== 0xff && bytes.subarray(0, -1).some((byte) => byte !== 0);
}
