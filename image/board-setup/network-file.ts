import type { BoardNetwork } from '../board-settings/settings.ts';

/**
 * The file for systemd-networkd (systemd.network(5)) that gives a board its network. Every value has been checked, so none
 * can have more than one line, or a `%`.
 */
export function networkFile({ mac, address, gateway, dns, ntp }: BoardNetwork): string {
  const lines = [
    '# From board.yaml on the card; made anew at every start.',
    '[Match]',
    ...(mac === undefined ? ['Name=en* eth*'] : [`MACAddress=${mac}`]),
    '[Link]',
    'RequiredForOnline=no',
    '[Network]',
    `DHCP=${address === undefined ? 'yes' : 'no'}`,
    ...(address === undefined ? [] : [`Address=${address}`]),
    ...(gateway === undefined ? [] : [`Gateway=${gateway}`]),
    ...dns.map((server) => `DNS=${server}`),
    ...ntp.map((server) => `NTP=${server}`),
    // Routers reserve addresses by hardware address.
    ...(address === undefined ? ['[DHCPv4]', 'ClientIdentifier=mac'] : []),
  ];
  return lines.map((line) => `${line}\n`).join('');
}
