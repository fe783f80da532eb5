import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A network interface that is hardware. */
export interface Port {
  name: string;
  /** Something answers at the other end of the cable, or by radio. */
  link: boolean;
  /** It has an address with which it reaches more than its own cable. */
  address: boolean;
}

/** Why the board is not on a network; nothing when it is. Never rejects. */
export async function networkTroubles(): Promise<string[]> {
  try {
    return judge(await readPorts());
  } catch (error) {
    return [`the network cannot be looked at: ${String(error)}`];
  }
}

/** Why a board with these ports is not on a network; nothing when it is. */
export function judge(ports: readonly Port[]): string[] {
  if (ports.some(({ address }) => address)) return [];
  if (ports.length === 0) return ['no network: this board has no network port'];
  const linked = ports.filter(({ link }) => link);
  if (linked.length === 0) return [`no network: no link on ${names(ports)}; is the cable in?`];
  return [`no network: no address on ${names(linked)} yet; no DHCP server has answered`];
}

function names(ports: readonly Port[]): string {
  return ports.map(({ name }) => name).join(', ');
}

/**
 * The network ports of this machine. Read from files, for the supervisor's sandbox has no netlink. An interface that is hardware has a `device`; one with an
 * IPv4 address has a route, and an IPv6 address of global scope is told as 00 (proc_net(5)).
 */
export async function readPorts(): Promise<Port[]> {
  const [routes, addresses] = await Promise.all([
    readFile('/proc/net/route', 'utf8'),
    readFile('/proc/net/if_inet6', 'utf8').catch(missing('')),
  ]);
  const reachable = new Set([
    ...routes.split('\n').map((line) => line.split('\t')[0] ?? ''),
    ...[...addresses.matchAll(/^\S+ \S+ \S+ 00 \S+ +(\S+)$/gm)].map(([, name = '']) => name),
  ]);
  const folder = '/sys/class/net';
  const ports = await Promise.all(
    (await readdir(folder)).map(async (name) => {
      const files = await readdir(join(folder, name)).catch(missing<string[]>([]));
      if (!files.includes('device')) return [];
      const state = await readFile(join(folder, name, 'operstate'), 'utf8').catch(missing('down'));
      return [{ name, link: !/^(down|notpresent|lowerlayerdown)/.test(state), address: reachable.has(name) }];
    }),
  );
  return ports.flat();
}

/** An interface may go at any moment, and a kernel may know no IPv6. */
function missing<T>(value: T): (error: unknown) => T {
  return (error) => {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR'))
      return value;
    throw error;
  };
}
