import type { Host } from '../lib/lab.ts';
import type { LabNode } from './lab-mesh.ts';
import { until } from './process.ts';
import { startOn } from './proxies/proxy.ts';
import { sshCommands } from './proxies/ssh-commands.ts';

/** How a program at the near host of a lab reaches a web server at the far one. */
export interface WayThrough {
  /** Arguments for curl. */
  curl: string[];
  /** The web server's address, as the program names it. */
  server: string;
}

const socksPort = 1_080;
const throughSocks: WayThrough = {
  curl: ['--socks5-hostname', `127.0.0.1:${socksPort}`],
  server: '127.0.0.1',
};

/** Our SOCKS at two nodes: it goes in at the near one, and comes out at the far one. */
export function throughMeshSocks(near: LabNode, far: LabNode): WayThrough {
  far.start('meshnet-socks-server', 'socks-server', far.socket, '--allow', '127.0.0.0/8');
  const server = `${far.key}/socks-server`;
  near.start('meshnet-socks-client', 'socks-client', near.socket, String(socksPort), '--server', server);
  return throughSocks;
}

/** `ssh -D` with the cipher that both ends prefer. @param address the far host's @param folder an empty one, for keys */
export async function throughSshSocks(
  near: Host,
  far: Host,
  address: string,
  folder: string,
): Promise<WayThrough> {
  const ssh = await sshCommands({ folder, address, port: 22, socksPort });
  startOn(far, ...ssh.server);
  // A client gives up when nobody listens.
  await until('sshd', () => near.run('ssh-keyscan', '-T', '1', address));
  startOn(near, ...ssh.client);
  return throughSocks;
}
