import { networkInterfaces } from 'node:os';
import { type Address, formatAddress } from '../net/address.ts';

/** Most addresses that a node tells others. */
const most = 16;

/** Where others reach what listens on an address: itself, or for all addresses those of this machine but loopback. */
export function reachableAddresses({ host, port }: Address): string[] {
  if (host !== '0.0.0.0' && host !== '::') return [formatAddress({ host, port })];
  const families = host === '::' ? ['IPv4', 'IPv6'] : ['IPv4'];
  return Object.values(networkInterfaces())
    .flatMap((all) => all ?? [])
    .filter(({ family, internal, scopeid }) => families.includes(family) && !internal && !scopeid)
    .map(({ address }) => formatAddress({ host: address, port }))
    .slice(0, most);
}
