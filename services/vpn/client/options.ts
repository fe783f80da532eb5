import { parseArgs } from 'node:util';
import { parseTarget } from '../../mesh/target.ts';
import type { Target } from '../../mesh/types.ts';
import type { IpBytes, Network } from '../../net/ip.ts';
import { addressesOf, DEFAULT_INTERFACE, mtuOf, networksOf, UsageError, usage } from '../usage.ts';

export const HELP = `meshnet-vpn-client NAME NODEADDR [PORT] [OPTIONS]

Gives this machine a network interface that leads to a meshnet-vpn-server at another node of the mesh. Needs
CAP_NET_ADMIN and /dev/net/tun, and nothing else of root's.

NAME        name of this app in the mesh
NODEADDR    HOST:PORT of the node's app port, or the path of its Unix socket
PORT        taken for the sake of old command lines; a tunnel needs none

--server KEY/APP      the server: an app at the node with this key, or its NAME alone (default vpnsrv0)
--allowed-ips LIST    networks that go into the tunnel (default: what the server offers)
--dns LIST            servers of names to use (default: what the server offers); 'none' leaves them as they are
--mtu BYTES           largest packet (default: what the server and the mesh take)
--exclude LIST        networks that never go into the tunnel; the nodes of the mesh are found by themselves
--kill-switch         let nothing leave this machine but through the tunnel, even when this app or the node is killed
--interface NAME      name of the interface (default ${DEFAULT_INTERFACE})

A LIST has commas between its items. When 0.0.0.0/0 goes into the tunnel, neighbours on local networks are still reached
directly, except under the kill switch. The kill switch ends when the app is stopped in order; after it was killed, by
starting it again or with 'nft delete table inet skywire_NAME'.
`;

export interface ClientOptions {
  name: string;
  node: string;
  server: Target;
  /** Undefined: what the server offers. */
  allowedIps: Network[] | undefined;
  dns: IpBytes[] | undefined;
  mtu: number | undefined;
  exclude: Network[];
  killSwitch: boolean;
  device: string;
}

/** @returns nothing when help is asked for @throws {UsageError} */
export function parseClientOptions(argv: string[]): ClientOptions | undefined {
  const { values, positionals } = usage(() =>
    parseArgs({
      args: argv,
      allowPositionals: true,
      options: {
        server: { type: 'string', default: 'vpnsrv0' },
        'allowed-ips': { type: 'string', multiple: true },
        dns: { type: 'string', multiple: true },
        mtu: { type: 'string' },
        exclude: { type: 'string', multiple: true, default: [] },
        'kill-switch': { type: 'boolean', default: false },
        interface: { type: 'string', default: DEFAULT_INTERFACE },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }),
  );
  if (values.help) return undefined;
  const [name, node, port, ...more] = positionals;
  if (name === undefined || node === undefined || more.length > 0)
    throw new UsageError('give NAME NODEADDR [PORT]; --help tells more');
  if (port !== undefined && !/^\d{1,5}$/.test(port)) throw new UsageError(`'${port}' is no PORT`);
  return {
    name,
    node,
    server: usage(() => parseTarget(values.server)),
    allowedIps: values['allowed-ips'] && networksOf(values['allowed-ips']),
    dns: values.dns?.join() === 'none' ? [] : values.dns && addressesOf(values.dns),
    mtu: values.mtu === undefined ? undefined : mtuOf(values.mtu),
    exclude: networksOf(values.exclude),
    killSwitch: values['kill-switch'],
    device: values.interface,
  };
}
