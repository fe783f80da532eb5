import { parseIp, parseNetwork } from '../../../services/net/ip.ts';

/** An IPv4 network of a rack. */
export interface Subnet {
  /** `192.168.0.0/24` */
  text: string;
  prefix: number;
  /** The network's own address, and its broadcast address, as numbers. */
  first: number;
  last: number;
}

/** Of the Skyminer: its eight boards are 192.168.0.2 to .9, behind a router at .1. */
export const DEFAULT_SUBNET = '192.168.0.0/24';
const SKYMINER_BOARD = /^node([1-8])$/;
/** The first address of a subnet that is a board's; below it are the network itself and its router. */
const FIRST_BOARD = 2;

/** @returns nothing unless it is an IPv4 network from /8 to /30, without bits behind its prefix */
export function parseSubnet(text: string): Subnet | undefined {
  const network = parseNetwork(text);
  if (network?.bytes.length !== 4 || network.prefix < 8 || network.prefix > 30) return undefined;
  const first = Buffer.from(network.bytes).readUInt32BE();
  return { text, prefix: network.prefix, first, last: first + 2 ** (32 - network.prefix) - 1 };
}

/** @returns an IPv4 address as a number, or nothing when it is none */
export function parseIpv4(text: string): number | undefined {
  const bytes = parseIp(text);
  return bytes?.length === 4 ? Buffer.from(bytes).readUInt32BE() : undefined;
}

export function formatIpv4(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.');
}

/** Why no machine of a subnet can have this address; nothing when one can. */
export function unusable(address: number, subnet: Subnet): string | undefined {
  if (address < subnet.first || address > subnet.last) return `is outside of ${subnet.text}`;
  if (address === subnet.first) return `is the address of the network ${subnet.text} itself`;
  return address === subnet.last ? `is the broadcast address of ${subnet.text}` : undefined;
}

/** The address that the Skyminer's scheme has for a board: node1 is .2, node8 is .9; others have none. */
export function schemeAddress(board: string, subnet: Subnet): string | undefined {
  const number = SKYMINER_BOARD.exec(board)?.[1];
  const address = subnet.first + Number(number) + 1;
  return number !== undefined && address < subnet.last ? formatIpv4(address) : undefined;
}

/** The lowest address of a subnet that a board can have and nobody has. */
export function freeAddress(subnet: Subnet, taken: ReadonlySet<string>): string | undefined {
  for (let address = subnet.first + FIRST_BOARD; address < subnet.last; address++) {
    const text = formatIpv4(address);
    if (!taken.has(text)) return text;
  }
  return undefined;
}
