import { list, shape } from '../../signal/shape.ts';
import type { Family } from '../networks.ts';
import { command } from './command.ts';

const SETTING = { 4: 'net.ipv4.ip_forward', 6: 'net.ipv6.conf.all.forwarding' } as const;

/** Packets cannot be passed on between interfaces of this machine. */
export class ForwardingOff extends Error {
  override readonly name = 'ForwardingOff';

  constructor(family: Family) {
    const setting = `${SETTING[family]}=1`;
    super(
      `this machine forwards no IPv${family} packets, so clients would reach nothing behind it: ` +
        `put '${setting}' into a file in /etc/sysctl.d and run 'sysctl ${setting}', ` +
        `or offer no IPv${family} network behind this machine (--allowed-ips)`,
    );
  }
}

/** Whether this machine has IPv6 at all; where it is off, not even loopback has an address. */
export async function hasIPv6(): Promise<boolean> {
  const output = await command('ip', ['-6', '-json', 'address', 'show', 'dev', 'lo']);
  return list({ interfaces: JSON.parse(output) }, 'interfaces').length > 0;
}

/** Asked over netlink: /proc/sys is hidden from an app in a sandbox. @throws {ForwardingOff} */
export async function requireForwarding(family: Family): Promise<void> {
  const output = await command('ip', [`-${family}`, '-json', 'netconf']);
  const settings = list({ netconf: JSON.parse(output) }, 'netconf').map(settingsShape.parse);
  if (!settings.some((each) => each.interface === 'all' && each.forwards)) throw new ForwardingOff(family);
}

const settingsShape = shape((fields) => ({
  interface: fields.interface,
  forwards: fields.forwarding === true,
}));
