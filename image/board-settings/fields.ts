import { isIP, isIPv4 } from 'node:net';
import { AddressError, parseAddress } from '../../services/net/address.ts';
import { isHostName } from '../../services/net/host-name.ts';
import { contains, type Network, parseIp } from '../../services/net/ip.ts';
import { InvalidSshKey, parseSshKey } from '../../services/net/ssh/public-key.ts';

/** Each says what is wrong with a text, as the end of a sentence that its name begins; nothing when all is well. */
export type Problem = (text: string) => string | undefined;

const KEY = /^[0-9a-f]{64}$/;

export const problemOfKey: Problem = (text) =>
  KEY.test(text) ? undefined : 'must be a key of 64 hex digits in lower case';

export const problemOfMac: Problem = (text) => {
  const match = /^([0-9a-f]{2})(?::[0-9a-f]{2}){5}$/i.exec(text);
  const isGroup = (Number.parseInt(match?.[1] ?? '1', 16) & 1) === 1;
  return match !== null && !isGroup && !/^[0:]+$/.test(text)
    ? undefined
    : 'must be the hardware address of one port, such as 02:81:00:12:34:56';
};

export const problemOfIp: Problem = (text) =>
  parseIp(text) === undefined ? 'must be an IP address' : undefined;

/** An address with the length of its network's prefix: `192.168.0.4/24`. */
export const problemOfInterface: Problem = (text) =>
  readInterface(text) === undefined
    ? 'must be ADDRESS/BITS, such as 192.168.0.4/24, and an address that a board can have'
    : undefined;

export interface Interface {
  address: Uint8Array;
  network: Network;
}

/** @returns nothing when it is none, or one that stands for a whole network or for all hosts of it */
export function readInterface(text: string): Interface | undefined {
  const [, ip = '', bits = ''] = /^([^/]+)\/([1-9]\d{0,2})$/.exec(text) ?? [];
  const address = parseIp(ip);
  if (address === undefined || Number(bits) > 8 * address.length) return undefined;
  const prefix = Number(bits);
  const network = { bytes: masked(address, prefix, 0), prefix };
  const first = address[0] ?? 0;
  if (address.length === 4) {
    if (first === 0 || first === 127 || first >= 224) return undefined;
    const isEnd = [0, 0xff].some((fill) => equal(address, masked(address, prefix, fill)));
    if (prefix < 31 && isEnd) return undefined;
  } else if (first === 0xff || masked(address, 64, 0).every((byte) => byte === 0)) return undefined;
  return { address, network };
}

export const problemOfHost: Problem = (text) => {
  const isHost = isIP(text) !== 0 ? !text.includes('%') : isHostName(text) && !/^[\d.]+$/.test(text);
  return isHost ? undefined : 'must be a host name or an IP address';
};

/** `HOST:PORT` */
export const problemOfTarget: Problem = (text) =>
  problemOfAddress(text, (host) => problemOfHost(host) === undefined, 'HOST:PORT');

/** `ADDRESS:PORT`, of this machine. */
export const problemOfListen: Problem = (text) =>
  problemOfAddress(text, (host) => parseIp(host) !== undefined, 'ADDRESS:PORT, such as 0.0.0.0:5000');

/** `HOST:PORT` of whoever the list of members makes a manager, or `KEY@HOST:PORT` of that one alone. */
export const problemOfManager: Problem = (text) => {
  const at = text.indexOf('@');
  const problem =
    (at === -1 ? undefined : problemOfKey(text.slice(0, at))) ?? problemOfTarget(text.slice(at + 1));
  return problem === undefined
    ? undefined
    : "must be HOST:PORT, or KEY@HOST:PORT with the manager's key of 64 hex digits";
};

/** A line of a `.pub` file, without options. */
export const problemOfSshKey: Problem = (text) => {
  try {
    parseSshKey(text);
    return undefined;
  } catch (error) {
    if (error instanceof InvalidSshKey) return error.message;
    throw error;
  }
};

export const problemOfDomain: Problem = (text) =>
  isHostName(text) ? undefined : 'must be letters, digits, dashes and dots';

/** What a program is given as an argument: as it is written, but nothing that a terminal or a log would obey. */
export const problemOfArgument: Problem = (text) => {
  if (text.length > 4096) return 'must be at most 4096 characters';
  return /\p{Cc}/u.test(text) ? 'must not contain control characters' : undefined;
};

/** Whether a router has an address in the network, and not the board's own. */
export function isReachable({ address, network }: Interface, gateway: string): boolean {
  const bytes = parseIp(gateway);
  if (bytes === undefined || equal(bytes, address)) return false;
  const isLinkLocal = bytes.length === 16 && bytes[0] === 0xfe && ((bytes[1] ?? 0) & 0xc0) === 0x80;
  return contains(network, bytes) || (isLinkLocal && address.length === 16);
}

function problemOfAddress(text: string, isGood: (host: string) => boolean, form: string): string | undefined {
  try {
    const { host, port } = parseAddress(text);
    const isWhole = text.includes(':') && !text.startsWith(':');
    return isWhole && port > 0 && isGood(host) ? undefined : `must be ${form}`;
  } catch (error) {
    if (!(error instanceof AddressError)) throw error;
    return `must be ${form}`;
  }
}

/** The address with what is behind its prefix all 0 or all 1. */
function masked(address: Uint8Array, prefix: number, fill: number): Uint8Array {
  return address.map((byte, at) => {
    const mask = (0xff00 >> Math.min(8, Math.max(0, prefix - 8 * at))) & 0xff;
    return (byte & mask) | (fill & ~mask & 0xff);
  });
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.from(a).equals(b);
}

/** Whether both are of the same family of addresses. */
export function isSameFamily(a: string, b: string): boolean {
  return isIPv4(a) === isIPv4(b);
}
