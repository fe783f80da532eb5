import type { Network } from '../../net/ip.ts';
import { networksOf, removeTable, replaceTable } from './firewall.ts';

export interface KillSwitch {
  /** The table of nftables. */
  table: string;
  /** The only interface, beside loopback, by which packets may leave. */
  device: string;
  /** Networks that may be spoken to by any interface. */
  except: readonly Network[];
  /** The user that may speak by any interface: the node's, where it has one of its own. */
  exceptUser: number | undefined;
}

/**
 * Refuses everything that would leave this machine by another way than the tunnel, but for what keeps the network
 * itself going: DHCP, neighbour discovery, and the ways of the mesh. It stands in the kernel and holds whatever becomes of
 * this process; when one is there already, it is replaced without a gap.
 */
export async function engageKillSwitch({ table, device, except, exceptUser }: KillSwitch): Promise<void> {
  const ipv4 = networksOf(4, except);
  const ipv6 = networksOf(6, except);
  const excepted = [
    ...(ipv4 === undefined ? [] : [`ip daddr ${ipv4} accept`]),
    ...(ipv6 === undefined ? [] : [`ip6 daddr ${ipv6} accept`]),
  ].join('\n    ');
  await replaceTable(
    table,
    `  chain output {
    type filter hook output priority filter; policy drop;
    oifname { "lo", "${device}" } accept
    ${excepted}
    ${exceptUser === undefined ? '' : `meta skuid ${exceptUser} accept`}
    udp sport 68 udp dport 67 accept
    udp sport 546 udp dport 547 accept
    icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert, mld-listener-report, mld2-listener-report } accept
    reject with icmpx type admin-prohibited
  }
  chain forward {
    type filter hook forward priority filter; policy drop;
    oifname "${device}" accept
    iifname "${device}" accept
  }`,
  );
}

/** Lets everything pass again. */
export async function releaseKillSwitch(table: string): Promise<void> {
  await removeTable(table);
}
