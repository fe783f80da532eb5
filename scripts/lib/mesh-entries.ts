import type { PublicKey } from '../../services/net/keys.ts';

/** A node of this machine, as the apps at its ends see it. */
export interface MeshEnd {
  /** Name of its entry. */
  name: string;
  key: PublicKey;
  /** Unix socket for its apps. */
  socket: string;
}

/** An entry of a config file: an app that starts by itself, once those that it needs are ready. */
export function meshEntry(path: string, args: readonly string[], needs: readonly string[]) {
  return { path, default_args: args, daemon: true, autostart: true, depends_on: needs };
}

/** SOCKS between two nodes: whoever connects to this port of 127.0.0.1 comes out at the server's node, loopback allowed. */
export function socksEntries(client: MeshEnd, server: MeshEnd, port: number) {
  return {
    'socks-server': meshEntry(
      'meshnet-socks-server',
      ['socks-server', server.socket, '--allow', '127.0.0.0/8'],
      [server.name],
    ),
    'socks-client': meshEntry(
      'meshnet-socks-client',
      ['socks-client', client.socket, String(port), '--server', `${server.key}/socks-server`],
      [client.name, 'socks-server'],
    ),
  };
}
