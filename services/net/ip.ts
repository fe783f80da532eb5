import { isIPv4, isIPv6 } from 'node:net';

/** An IP address in the order of the network: 4 bytes of IPv4, 16 of IPv6. */
export type IpBytes = Uint8Array;

/** A range of addresses: those whose first `prefix` bits are the ones of `bytes`. */
export interface Network {
  bytes: IpBytes;
  prefix: number;
}

/** @returns nothing when `text` is no address; one with a zone (`fe80::1%eth0`) is none here */
export function parseIp(text: string): IpBytes | undefined {
  if (isIPv4(text)) return Uint8Array.from(text.split('.'), Number);
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const [head = '', tail] = text.split('::');
  const [first, last] = [groups(head), groups(tail ?? '')];
  const bytes = new Uint8Array(16);
  bytes.set(first, 0);
  bytes.set(last, 16 - last.length);
  return bytes;
}

/** The canonical text (RFC 5952, but the last 32 bits are never written as IPv4). */
export function formatIp(bytes: IpBytes): string {
  if (bytes.length === 4) return bytes.join('.');
  const words = Array.from({ length: 8 }, (_, at) => ((bytes[2 * at] ?? 0) << 8) | (bytes[2 * at + 1] ?? 0));
  const { from, length } = longestZeros(words);
  const text = (part: number[]) => part.map((word) => word.toString(16)).join(':');
  if (length < 2) return text(words);
  return `${text(words.slice(0, from))}::${text(words.slice(from + length))}`;
}

/**
 * Reads `ADDRESS/BITS`, or an ADDRESS alone for that one.
 * @returns nothing when it is no network, or has bits set behind its prefix
 */
export function parseNetwork(text: string): Network | undefined {
  const [address = '', bits, more] = text.split('/');
  const bytes = parseIp(address);
  if (bytes === undefined || more !== undefined) return undefined;
  if (bits === undefined) return { bytes, prefix: 8 * bytes.length };
  const prefix = Number(bits);
  if (!/^\d{1,3}$/.test(bits) || prefix > 8 * bytes.length) return undefined;
  return bytes.every((byte, at) => (byte & ~maskAt(prefix, at) & 0xff) === 0) ? { bytes, prefix } : undefined;
}

export function formatNetwork({ bytes, prefix }: Network): string {
  return `${formatIp(bytes)}/${prefix}`;
}

/** Whether the network has the address in it. IPv4 and IPv6 are different worlds here. */
export function contains(network: Network, address: IpBytes): boolean {
  const { bytes, prefix } = network;
  if (bytes.length !== address.length) return false;
  for (let at = 0; 8 * at < prefix; at++) {
    if ((((bytes[at] ?? 0) ^ (address[at] ?? 0)) & maskAt(prefix, at)) !== 0) return false;
  }
  return true;
}

/** The IPv4 address that an IPv4-mapped IPv6 address (`::ffff:192.0.2.1`) is; any other address as it is. */
export function unmap(address: IpBytes): IpBytes {
  const isMapped =
    address.length === 16 && address.subarray(0, 12).every((byte, at) => byte === (at < 10 ? 0 : 0xff));
  return isMapped ? address.subarray(12) : address;
}

/**
 * Who counts as one at the other end of connections: an IPv4 address, or an IPv6 network of 64 bits, for whoever has one
 * address of it has all of them.
 *
 * @param address text of an address, with a zone or without; anything else is a source by itself
 */
export function sourceOf(address: string): string {
  const bytes = parseIp(address.split('%', 1)[0] ?? '');
  if (bytes === undefined) return address;
  const plain = unmap(bytes);
  if (plain.length === 4) return formatIp(plain);
  return formatNetwork({ bytes: Uint8Array.from(plain, (byte, at) => (at < 8 ? byte : 0)), prefix: 64 });
}

/** The bits of byte `at` that belong to a prefix. */
function maskAt(prefix: number, at: number): number {
  const bits = Math.min(8, Math.max(0, prefix - 8 * at));
  return (0xff << (8 - bits)) & 0xff;
}

/** The bytes of groups between colons; the last may be an IPv4 address. */
function groups(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (group.includes('.')) return group.split('.').map(Number);
    const word = Number.parseInt(group, 16);
    return [word >> 8, word & 0xff];
  });
}

/** The first of the longest runs of words that are zero. */
function longestZeros(words: readonly number[]): { from: number; length: number } {
  let longest = { from: 0, length: 0 };
  let from = 0;
  for (const [at, word] of words.entries()) {
    if (word !== 0) from = at + 1;
    else if (at + 1 - from > longest.length) longest = { from, length: at + 1 - from };
  }
  return longest;
}
