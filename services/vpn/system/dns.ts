import { formatIp, type IpBytes } from '../../net/ip.ts';
import { command } from './command.ts';

/**
 * Asks systemd-resolved to use these servers for this interface, and for every name when `all`. It forgets them with the interface.
 * @throws {MissingProgram | CommandFailed} when there is no systemd-resolved, or it does not let this user decide
 */
export async function setDns(device: string, servers: readonly IpBytes[], all: boolean): Promise<void> {
  await command('resolvectl', ['dns', device, ...servers.map(formatIp)]);
  if (all) await command('resolvectl', ['domain', device, '~.']);
}

/** Takes back what {@link setDns} has set. @throws {MissingProgram | CommandFailed} */
export async function revertDns(device: string): Promise<void> {
  await command('resolvectl', ['revert', device]);
}
