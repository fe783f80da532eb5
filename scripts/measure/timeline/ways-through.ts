import { setTimeout as delay } from 'node:timers/promises';
import { showMesh } from '../../../services/mesh/show.ts';
import type { ShownRoute } from '../../../services/net/control/shown.ts';
import { startLabMesh } from '../lab-mesh.ts';
import { MeasureError, until } from '../process.ts';
import { startOn } from '../proxies/proxy.ts';
import { sshCommands } from '../proxies/ssh-commands.ts';
import { startYggdrasil } from '../yggdrasil.ts';
import { FAR, NEAR, type TwoWays } from './two-ways.ts';

/** How a program at the near host reaches the web server at the far one. */
export interface WayThrough {
  /** Arguments for curl. */
  curl: string[];
  /** The web server's address, as the program names it. */
  server: string;
}

export interface Contestant {
  name: string;
  /** @param folder an empty one */
  start(ways: TwoWays, folder: string): Promise<WayThrough>;
  /** Resolves when all that it needs to survive a cut is in place; something was downloaded by then. */
  prepared(): Promise<void>;
}

const socksPort = 1_080;
const throughSocks: WayThrough = {
  curl: ['--socks5-hostname', `127.0.0.1:${socksPort}`],
  server: '127.0.0.1',
};

/** Our SOCKS: a node on every host, the apps at both ends. @param apps folder with the bundle's */
export function throughMesh(apps: string): Contestant {
  let socket = '';
  return {
    name: 'Skyminer (SOCKS)',
    async start(ways, folder) {
      const nodes = await startLabMesh(ways.lab, ways.hosts, apps, folder);
      const [near, far] = [NEAR, FAR].map((name) => nodes.find(({ host }) => host.name === name));
      if (near === undefined || far === undefined) throw new Error('a host has no node');
      socket = near.socket;
      far.start('meshnet-socks-server', 'socks-server', far.socket, '--allow', '127.0.0.0/8');
      const server = `${far.key}/socks-server`;
      near.start('meshnet-socks-client', 'socks-client', near.socket, String(socksPort), '--server', server);
      return throughSocks;
    },
    prepared: () =>
      until('a circuit with two paths', async () => {
        const routes = (await showMesh(socket, 'routes')) as ShownRoute[];
        const intact = routes.filter(({ kind, weight }) => kind === 'node-disjoint' && weight !== null);
        if (intact.length < 2) throw new MeasureError(`the mesh has ${intact.length} disjoint routes`);
      }),
  };
}

/** `ssh -D`, over the one route that a connection of TCP has. */
export function throughSsh(): Contestant {
  return {
    name: 'ssh -D',
    async start(ways, folder) {
      const [relay] = ways.relays;
      if (relay === undefined) throw new Error('there is no relay');
      await relay.run('sysctl', '-qw', 'net.ipv4.ip_forward=1');
      const address = ways.address(FAR, relay.name);
      for (const [from, to] of [
        [NEAR, address],
        [FAR, ways.address(NEAR, relay.name)],
      ] as const)
        await ways.host(from).run('ip', 'route', 'add', to, 'via', ways.address(relay.name, from));
      const ssh = await sshCommands({ folder, address, port: 22, socksPort });
      startOn(ways.far, ...ssh.server);
      // A client gives up when nobody listens.
      await until('sshd', () => ways.near.run('ssh-keyscan', '-T', '1', address));
      startOn(ways.near, ...ssh.client);
      return throughSocks;
    },
    // Its one way is there.
    prepared: async () => undefined,
  };
}

/** yggdrasil on every host, and TCP in its network; both ends dial both relays. */
export function throughYggdrasil(): Contestant {
  return {
    name: 'yggdrasil',
    async start(ways, folder) {
      for (const relay of ways.relays) await startYggdrasil(relay, { folder });
      const start = (end: string) =>
        startYggdrasil(ways.host(end), {
          folder,
          peers: ways.relays.map(({ name }) => ways.address(name, end)),
          device: 'ygg0',
        });
      await start(NEAR);
      return { curl: [], server: `[${await start(FAR)}]` };
    },
    // Its spanning tree and its paths have settled some seconds after the first packet; it has no word for that.
    prepared: () => delay(5_000),
  };
}
