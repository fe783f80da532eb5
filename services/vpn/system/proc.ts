import { readFile } from 'node:fs/promises';
import type { Family } from '../networks.ts';

const FORWARDING = { 4: 'net/ipv4/ip_forward', 6: 'net/ipv6/conf/all/forwarding' } as const;

/** Whether this machine has this family of IP at all; IPv6 can be off. */
export async function hasFamily(family: Family): Promise<boolean> {
  return family === 4 || (await setting('net/ipv6/conf/all/disable_ipv6')) === '0';
}

/** Packets cannot be passed on between interfaces of this machine. */
export class ForwardingOff extends Error {
  override readonly name = 'ForwardingOff';

  constructor(family: Family) {
    const name = FORWARDING[family].replaceAll('/', '.');
    super(
      `this machine forwards no IPv${family} packets, so clients would reach nothing behind it: ` +
        `put '${name}=1' into a file in /etc/sysctl.d and run 'sysctl ${name}=1', ` +
        `or offer no IPv${family} network behind this machine (--allowed-ips)`,
    );
  }
}

/** @throws {ForwardingOff} */
export async function requireForwarding(family: Family): Promise<void> {
  if ((await setting(FORWARDING[family])) !== '1') throw new ForwardingOff(family);
}

/** A kernel setting under /proc/sys; undefined when this kernel has none of this name. */
async function setting(name: string): Promise<string | undefined> {
  try {
    return (await readFile(`/proc/sys/${name}`, 'utf8')).trim();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
