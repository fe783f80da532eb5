import { parseAccess } from '../mesh/access.ts';
import { parseTarget } from '../mesh/target.ts';
import type { Access, Target } from '../mesh/types.ts';
import { type Address, parseAddress } from '../net/address.ts';

/** The command line asks for something that cannot be; the process ends with status 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What both apps are given first: NAME NODEADDR [PORT]. */
export interface Registration {
  /** Name of the app in the mesh. */
  name: string;
  /** `HOST:PORT` of the node's app port, or the path of its Unix socket. */
  node: string;
  port: number | undefined;
}

/** Reads a part of the command line; what is wrong with it is a {@link UsageError} that begins with `where`. */
export function usage<T>(where: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof UsageError || !(cause instanceof Error)) throw cause;
    throw new UsageError(where === '' ? cause.message : `${where}: ${cause.message}`, { cause });
  }
}

/** @throws {UsageError} */
export function registrationOf(positionals: readonly string[]): Registration {
  const [name, node, port, ...more] = positionals;
  if (name === undefined || node === undefined || more.length > 0) {
    throw new UsageError(`two or three arguments are expected, not ${positionals.length}`);
  }
  const target = usage('NAME', () => parseTarget(name));
  if ('node' in target) throw new UsageError(`NAME: ${name} is the name of an app at another node`);
  if (!node.includes('/')) usage('NODEADDR', () => parseAddress(node));
  return { name, node, port: port === undefined ? undefined : portOf(port) };
}

/** @throws {UsageError} */
export function addressOf(option: string, text: string): Address {
  return usage(option, () => parseAddress(text));
}

/** @throws {UsageError} */
export function targetOf(option: string, text: string): Target {
  return usage(option, () => parseTarget(text));
}

/** @throws {UsageError} */
export function accessOf(option: string, text: string): Access {
  return usage(option, () => parseAccess(text));
}

function portOf(text: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port;
  throw new UsageError(`PORT: ${JSON.stringify(text)} is no number from 0 to 65535`);
}
