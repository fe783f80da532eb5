import { isIPv6 } from 'node:net';

export interface Address {
  host: string;
  port: number;
}

/** HOST:PORT cannot be understood. */
export class AddressError extends Error {
  override readonly name = 'AddressError';
  constructor(text: string, why: string) {
    super(`${JSON.stringify(text)} is no address: ${why}; give HOST:PORT, for example 127.0.0.1:20000`);
  }
}

const loopback = '127.0.0.1';

/**
 * Reads `HOST:PORT`, `[IPV6]:PORT`, `PORT` or `:PORT`. Without a host it is loopback: to be reached from other
 * machines has to be asked for in so many words (`0.0.0.0:PORT`).
 * @throws {AddressError}
 */
export function parseAddress(text: string): Address {
  const match = /^(?:(?<host>[^:[\]\s]*|\[[^\]]*\]):)?(?<port>\d{1,5})$/.exec(text);
  if (!match?.groups) throw new AddressError(text, 'a port from 0 to 65535 is missing');
  const port = Number(match.groups.port);
  if (port > 65_535) throw new AddressError(text, `${port} is above 65535`);
  const host = match.groups.host || loopback;
  if (!host.startsWith('[')) return { host, port };
  const bare = host.slice(1, -1);
  if (!isIPv6(bare)) throw new AddressError(text, `${bare} is no IPv6 address`);
  return { host: bare, port };
}

/** The reverse of {@link parseAddress}. */
export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether only this machine reaches it. */
export function isLoopback({ host }: Address): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}
