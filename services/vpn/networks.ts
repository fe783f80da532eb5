import { contains, type Network, parseNetwork } from '../net/ip.ts';

export type Family = 4 | 6;

/** Bytes of an address. */
export const ADDRESS_BYTES = { 4: 4, 6: 16 } as const;

/** Something that should have been a network and is not. */
export class NetworkError extends Error {
  override readonly name = 'NetworkError';
}

export function familyOfNetwork({ bytes }: Network): Family {
  return bytes.length === ADDRESS_BYTES[4] ? 4 : 6;
}

/**
 * Reads a list with commas between its items, as wg-quick has them: `10.0.0.0/8, fd00::/8`.
 * @throws {NetworkError}
 */
export function parseNetworks(text: string): Network[] {
  const items = text.split(',').map((item) => item.trim());
  return items.filter((item) => item !== '').map(networkOf);
}

/** The same addresses in as few networks: none is in another one. */
export function withoutOverlap(networks: readonly Network[]): Network[] {
  const wideFirst = networks.toSorted((one, other) => one.prefix - other.prefix);
  return wideFirst.filter(
    (network, at) => !wideFirst.slice(0, at).some((wider) => contains(wider, network.bytes)),
  );
}

/** @throws {NetworkError} */
function networkOf(text: string): Network {
  const network = parseNetwork(text);
  if (network) return network;
  throw new NetworkError(
    `'${text}' is no network: give ADDRESS/BITS with no bit set behind BITS, for example 10.99.0.0/24`,
  );
}
