import { formatNetwork, type Network } from '../../net/ip.ts';
import { type Family, familyOfNetwork } from '../networks.ts';
import { command } from './command.ts';

/** Least MTU of an interface with IPv6. RFC 8200 section 5. */
export const LEAST_MTU = 1_280;

/**
 * Gives an interface its addresses and MTU and sets it up. All of it goes with the interface.
 * @throws {MissingProgram | CommandFailed}
 */
export async function configureInterface(
  name: string,
  addresses: readonly Network[],
  mtu: number,
): Promise<void> {
  await batch(undefined, [
    // No link-local address: nothing speaks to it, and its router solicitations would only be refused.
    `link set dev ${name} addrgenmode none mtu ${mtu}`,
    ...addresses.map(
      (address) =>
        `address add ${formatNetwork(address)} dev ${name}${familyOfNetwork(address) === 6 ? ' nodad' : ''}`,
    ),
    `link set dev ${name} up`,
  ]);
}

/** Takes addresses and routes off an interface again. */
export async function unconfigureInterface(name: string): Promise<void> {
  await batch(undefined, [`link set dev ${name} down`, `address flush dev ${name}`]);
}

export async function setMtu(name: string, mtu: number): Promise<void> {
  await batch(undefined, [`link set dev ${name} mtu ${mtu}`]);
}

/**
 * Runs commands of iproute2, one a line, until one fails.
 * @param family where the lines do not say themselves of which family they are
 */
export async function batch(family: Family | undefined, lines: readonly string[]): Promise<void> {
  if (lines.length === 0) return;
  const flags = family === undefined ? [] : [`-${family}`];
  await command('ip', [...flags, '-batch', '-'], `${lines.join('\n')}\n`);
}
