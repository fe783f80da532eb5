import { type IpBytes, type Network, parseIp } from '../net/ip.ts';
import { part, UsageError } from '../program/usage.ts';
import { numberOf } from '../program/values.ts';
import { parseNetworks } from './networks.ts';
import { LEAST_MTU } from './system/interface.ts';

/** MTU of a tunnel when nobody says another. */
export const DEFAULT_MTU = 1_400;
export const DEFAULT_INTERFACE = 'skywire0';

const MOST_MTU = 65_535;

/** @throws {UsageError} */
export function mtuOf(text: string): number {
  return numberOf('--mtu', text, LEAST_MTU, MOST_MTU);
}

/** Lists of networks, as often as the option was given. @throws {UsageError} */
export function networksOf(option: string, texts: readonly string[]): Network[] {
  return part(option, () => texts.flatMap(parseNetworks));
}

/** @throws {UsageError} */
export function addressesOf(option: string, texts: readonly string[]): IpBytes[] {
  const items = texts.flatMap((text) => text.split(',').map((item) => item.trim()));
  return items.map((item) => {
    const bytes = parseIp(item);
    if (bytes === undefined) throw new UsageError(`${option}: '${item}' is no IP address`);
    return bytes;
  });
}
