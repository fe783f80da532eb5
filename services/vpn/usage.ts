import { parseAccess } from '../mesh/access.ts';
import type { Access } from '../mesh/types.ts';
import { type IpBytes, type Network, parseIp } from '../net/ip.ts';
import { parseNetworks } from './networks.ts';
import { LEAST_MTU } from './system/interface.ts';

/** MTU of a tunnel when nobody says another. */
export const DEFAULT_MTU = 1_400;
export const DEFAULT_INTERFACE = 'skywire0';

const MOST_MTU = 65_535;

/** The command line is not one that the app takes. The process ends with status 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Reads a part of the command line; what is wrong with it is a {@link UsageError}. */
export function usage<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof UsageError || !(error instanceof Error)) throw error;
    throw new UsageError(error.message, { cause: error });
  }
}

/** @throws {UsageError} */
export function mtuOf(text: string): number {
  const mtu = Number(text);
  if (/^\d+$/.test(text) && mtu >= LEAST_MTU && mtu <= MOST_MTU) return mtu;
  throw new UsageError(`--mtu ${text}: give a number of bytes from ${LEAST_MTU} to ${MOST_MTU}`);
}

/** Lists of networks, as often as the option was given. @throws {UsageError} */
export function networksOf(texts: readonly string[]): Network[] {
  return usage(() => texts.flatMap(parseNetworks));
}

/** @throws {UsageError} */
export function addressesOf(texts: readonly string[]): IpBytes[] {
  const items = texts.flatMap((text) => text.split(',').map((item) => item.trim()));
  return items.map((item) => {
    const bytes = parseIp(item);
    if (bytes === undefined) throw new UsageError(`'${item}' is no IP address`);
    return bytes;
  });
}

/** `rack`, `mesh`, or keys with commas between them. @throws {UsageError} */
export function accessOf(text: string): Access {
  return usage(() => parseAccess(text));
}
