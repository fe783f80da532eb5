import { formatNetwork, type Network } from '../../net/ip.ts';
import { type Family, familyOfNetwork } from '../networks.ts';
import { networksOf, replaceTable } from './firewall.ts';

export interface ServerFirewall {
  table: string;
  device: string;
  /** The networks of the clients. */
  pools: readonly Network[];
  /** What clients may reach behind this machine. */
  routes: readonly Network[];
  /** Give the clients' packets this machine's address, and let nobody begin a connection to a client. */
  nat: boolean;
}

/**
 * The packet filter of a server: clients reach what is offered and not each other, TCP learns the tunnel's MTU, and
 * clients' addresses are translated on the way out.
 */
export async function installServerFirewall(firewall: ServerFirewall): Promise<void> {
  const { table, device, pools, nat } = firewall;
  const inbound = nat
    ? [`oifname "${device}" ct state established,related accept`, `oifname "${device}" drop`]
    : [];
  const translated = nat
    ? pools.map(
        (pool) =>
          `${header(familyOfNetwork(pool))} saddr ${formatNetwork(pool)} oifname != "${device}" masquerade`,
      )
    : [];
  await replaceTable(
    table,
    `  chain forward {
    type filter hook forward priority filter; policy accept;
    iifname "${device}" oifname "${device}" drop
    ${offered(firewall).join('\n    ')}
    iifname "${device}" tcp flags syn / syn,rst tcp option maxseg size set rt mtu
    oifname "${device}" tcp flags syn / syn,rst tcp option maxseg size set rt mtu
    ${inbound.join('\n    ')}
  }
  chain postrouting {
    type nat hook postrouting priority srcnat;
    ${translated.join('\n    ')}
  }`,
  );
}

/** Rules that drop what is not offered. */
function offered({ device, routes }: ServerFirewall): string[] {
  return ([4, 6] as const).map((family) => {
    const networks = networksOf(family, routes);
    const wrong =
      networks === undefined ? `meta nfproto ipv${family}` : `${header(family)} daddr != ${networks}`;
    return `iifname "${device}" ${wrong} drop`;
  });
}

function header(family: Family): 'ip' | 'ip6' {
  return family === 4 ? 'ip' : 'ip6';
}
