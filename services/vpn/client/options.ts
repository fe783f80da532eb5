import type { Target } from '../../mesh/types.ts';
import type { IpBytes, Network } from '../../net/ip.ts';
import { numberOf, registrationOf, targetOf } from '../../program/values.ts';
import { parseWords } from '../../program/words.ts';
import { addressesOf, DEFAULT_INTERFACE, mtuOf, networksOf } from '../usage.ts';

export const help = `meshnet-vpn-client NAME NODEADDR [PORT] [OPTIONS]

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

/** @throws {UsageError} */
export function parseClientOptions(argv: readonly string[]): ClientOptions {
  const { args, values } = parseWords(argv, {
    required: ['NAME', 'NODEADDR'],
    optional: ['PORT'],
    options: {
      server: { type: 'string', default: 'vpnsrv0' },
      'allowed-ips': { type: 'string', multiple: true },
      dns: { type: 'string', multiple: true },
      mtu: { type: 'string' },
      exclude: { type: 'string', multiple: true, default: [] },
      'kill-switch': { type: 'boolean', default: false },
      interface: { type: 'string', default: DEFAULT_INTERFACE },
    },
  });
  if (args.PORT !== undefined) numberOf('PORT', args.PORT, 0, 65_535);
  return {
    ...registrationOf(args),
    server: targetOf('--server', values.server),
    allowedIps: values['allowed-ips'] && networksOf('--allowed-ips', values['allowed-ips']),
    dns: values.dns?.join() === 'none' ? [] : values.dns && addressesOf('--dns', values.dns),
    mtu: values.mtu === undefined ? undefined : mtuOf(values.mtu),
    exclude: networksOf('--exclude', values.exclude),
    killSwitch: values['kill-switch'],
    device: values.interface,
  };
}
