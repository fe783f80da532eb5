import { parseAccess } from '../mesh/access.ts';
import { parseTarget } from '../mesh/target.ts';
import type { Access, Target } from '../mesh/types.ts';
import { type Address, formatAddress, parseAddress } from '../net/address.ts';
import { type PublicKey, parsePublicKey } from '../net/keys.ts';
import { part, UsageError } from './usage.ts';

/** The two arguments that every app on the mesh begins with. */
export interface Registration {
  /** Name of the app in the mesh. */
  name: string;
  /** `HOST:PORT` of the node's app port, or the path of its Unix socket. */
  node: string;
}

/** @throws {UsageError} */
export function registrationOf({ NAME, NODEADDR }: Record<'NAME' | 'NODEADDR', string>): Registration {
  if ('node' in targetOf('NAME', NAME))
    throw new UsageError(`NAME: ${NAME} is the name of an app at another node`);
  return { name: NAME, node: NODEADDR.includes('/') ? NODEADDR : hostPortOf('NODEADDR', NODEADDR) };
}

/** @throws {UsageError} */
export function addressOf(where: string, text: string): Address {
  return part(where, () => parseAddress(text));
}

/** The same as text, `HOST:PORT`. @throws {UsageError} */
export function hostPortOf(where: string, text: string): string {
  return formatAddress(addressOf(where, text));
}

/** @throws {UsageError} */
export function keyOf(where: string, text: string): PublicKey {
  return part(where, () => parsePublicKey(text));
}

/** @throws {UsageError} */
export function targetOf(where: string, text: string): Target {
  return part(where, () => parseTarget(text));
}

/** `rack`, `mesh`, or keys with commas between them. @throws {UsageError} */
export function accessOf(where: string, text: string): Access {
  return part(where, () => parseAccess(text));
}

/** A whole number in digits. @throws {UsageError} unless it is from `least` to `most` */
export function numberOf(where: string, text: string, least: number, most: number): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= least && number <= most) return number;
  throw new UsageError(`${where} ${JSON.stringify(text)}: give a whole number from ${least} to ${most}`);
}
