import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const PORTS = '/sys/class/net';

/** IPv4 addresses at which the network ports of this machine are reached. Never rejects. */
export async function portAddresses(): Promise<string[]> {
  try {
    const [routes, trie] = await Promise.all(
      ['/proc/net/route', '/proc/net/fib_trie'].map((file) => readFile(file, 'utf8')),
    );
    const ports = (await readdir(PORTS)).filter(isHardware);
    return addressesOn(ports, routes ?? '', trie ?? '');
  } catch (error) {
    return [`none that could be found: ${error instanceof Error ? error.message : error}`];
  }
}

/**
 * Addresses of this machine that lie in the networks of these interfaces. The supervisor's sandbox has no netlink, which
 * would tell which has which.
 *
 * @param routes text of /proc/net/route, where addresses are hexadecimal in the order of the machine (proc_net(5))
 * @param trie text of /proc/net/fib_trie, where the machine's own addresses are `/32 host LOCAL`
 */
export function addressesOn(ports: readonly string[], routes: string, trie: string): string[] {
  const networks = routes.split('\n').flatMap((line) => {
    const [port = '', to = '', gateway = '', , , , , mask = ''] = line.split('\t');
    const isDirect = ports.includes(port) && gateway === '00000000' && mask !== '00000000';
    return isDirect ? [{ to: Number.parseInt(to, 16), mask: Number.parseInt(mask, 16) }] : [];
  });
  const own = Array.from(trie.matchAll(/\|-- ([\d.]+)\n +\/32 host LOCAL/g), ([, address = '']) => address);
  return [...new Set(own)].filter((address) => {
    const number = Buffer.from(address.split('.').map(Number)).readUInt32LE();
    return networks.some(({ to, mask }) => ((number ^ to) & mask) === 0);
  });
}

function isHardware(name: string): boolean {
  return existsSync(join(PORTS, name, 'device'));
}
