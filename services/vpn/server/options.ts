import type { Access } from '../../mesh/types.ts';
import type { IpBytes, Network } from '../../net/ip.ts';
import { part, UsageError } from '../../program/usage.ts';
import { accessOf, registrationOf } from '../../program/values.ts';
import { parseWords } from '../../program/words.ts';
import { Pool } from '../pool.ts';
import { addressesOf, DEFAULT_INTERFACE, DEFAULT_MTU, mtuOf, networksOf } from '../usage.ts';

/** The second is a unique local network of RFC 4193. */
const DEFAULT_POOLS = '10.99.0.0/24, fd73:6b79:7769::/64';
const EVERYTHING = '0.0.0.0/0, ::/0';

export const help = `meshnet-vpn-server NAME NODEADDR [OPTIONS]

Lets clients at other nodes of the mesh (meshnet-vpn-client) reach networks through this machine, over an interface of
its own. Needs CAP_NET_ADMIN and /dev/net/tun, and nothing else of root's; the machine must forward packets
(net.ipv4.ip_forward=1, net.ipv6.conf.all.forwarding=1) when clients are to reach more than this machine.

NAME        name of this app in the mesh
NODEADDR    HOST:PORT of the node's app port, or the path of its Unix socket

--pool LIST           networks that clients get addresses of, one of each family
                      (default ${DEFAULT_POOLS}); the first address is this machine's
--allowed-ips LIST    networks that clients reach through this machine (default ${EVERYTHING})
--dns LIST            servers of names that clients are to use (default none)
--mtu BYTES           largest packet (default ${DEFAULT_MTU}, less where the mesh takes less)
--no-nat              let clients keep their addresses on the way out; other machines need a route back then
--client-to-client    let clients speak to each other
--access LIST         whose clients are served: 'rack' (default), 'mesh', or keys of nodes
--interface NAME      name of the interface (default ${DEFAULT_INTERFACE})

A LIST has commas between its items. A client keeps its addresses: they belong to its node's key.
`;

export interface ServerOptions {
  name: string;
  node: string;
  /** One or two, each of another family. */
  pools: Pool[];
  routes: Network[];
  dns: IpBytes[];
  mtu: number;
  nat: boolean;
  clientToClient: boolean;
  access: Access;
  device: string;
}

/** @throws {UsageError} */
export function parseServerOptions(argv: readonly string[]): ServerOptions {
  const { args, values } = parseWords(argv, {
    required: ['NAME', 'NODEADDR'],
    options: {
      pool: { type: 'string', multiple: true, default: [DEFAULT_POOLS] },
      'allowed-ips': { type: 'string', multiple: true, default: [EVERYTHING] },
      dns: { type: 'string', multiple: true, default: [] },
      mtu: { type: 'string', default: String(DEFAULT_MTU) },
      'no-nat': { type: 'boolean', default: false },
      'client-to-client': { type: 'boolean', default: false },
      access: { type: 'string', default: 'rack' },
      interface: { type: 'string', default: DEFAULT_INTERFACE },
    },
  });
  return {
    ...registrationOf(args),
    pools: poolsOf(values.pool),
    routes: networksOf('--allowed-ips', values['allowed-ips']),
    dns: addressesOf('--dns', values.dns),
    mtu: mtuOf(values.mtu),
    nat: !values['no-nat'],
    clientToClient: values['client-to-client'],
    access: accessOf('--access', values.access),
    device: values.interface,
  };
}

function poolsOf(texts: readonly string[]): Pool[] {
  const pools = part('--pool', () => networksOf('--pool', texts).map((network) => new Pool(network)));
  const families = new Set(pools.map(({ family }) => family));
  if (pools.length === 0 || families.size < pools.length)
    throw new UsageError('--pool: give one network of each family at most, and one at least');
  return pools;
}
