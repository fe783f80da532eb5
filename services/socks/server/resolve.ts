import { Resolver } from 'node:dns/promises';
import { parseIp } from '../../net/ip.ts';
import { pause } from '../../signal/pause.ts';
import { reply, SocksError } from '../protocol.ts';

/** Finds the addresses of a name. @throws {SocksError} `hostUnreachable` when there are none, or the signal's reason */
export type Resolve = (host: string, signal: AbortSignal) => Promise<string[]>;

/** How long the addresses of one family wait for those of the other, in milliseconds (RFC 8305, section 3). */
const familyDelayMs = 50;

/**
 * Asks name servers for both families at once, and them alone: /etc/hosts is about this machine's own neighbourhood.
 * An address is its own; `localhost` is loopback without being asked for (RFC 6761). The result alternates between the
 * families, IPv6 first (RFC 8305, section 4).
 * @param servers `ADDRESS:PORT` of each; those of this machine when there are none
 */
export function resolveBy(servers?: readonly string[]): Resolve {
  return async (host, signal) => {
    if (parseIp(host)) return [host];
    if (/^(.+\.)?localhost\.?$/i.test(host)) return ['::1', '127.0.0.1'];
    signal.throwIfAborted();
    // Of its own, so that it can be given up, and knows the name servers that this machine has now.
    const resolver = new Resolver();
    if (servers) resolver.setServers(servers);
    const cancel = () => resolver.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    try {
      return await bothFamilies(resolver.resolve6(host), resolver.resolve4(host));
    } catch (cause) {
      signal.throwIfAborted();
      throw new SocksError(reply.hostUnreachable, `the name ${host} has no address`, { cause });
    } finally {
      signal.removeEventListener('abort', cancel);
      resolver.cancel();
    }
  };
}

/** @throws {AggregateError} when neither has any */
async function bothFamilies(six: Promise<string[]>, four: Promise<string[]>): Promise<string[]> {
  const found: { six: string[]; four: string[] } = { six: [], four: [] };
  const settled = Promise.allSettled([
    six.then((addresses) => {
      found.six = addresses;
    }),
    four.then((addresses) => {
      found.four = addresses;
    }),
  ]);
  await Promise.any([six, four]);
  const enough = new AbortController();
  await Promise.race([settled, pause(familyDelayMs, enough.signal)]);
  enough.abort();
  return alternate(found.six, found.four);
}

function alternate(one: readonly string[], other: readonly string[]): string[] {
  const rounds = Math.max(one.length, other.length);
  return Array.from({ length: rounds }, (_, at) => [one[at], other[at]])
    .flat()
    .filter((address) => address !== undefined);
}
