import { setTimeout as delay } from 'node:timers/promises';
import { showMesh } from '../../../services/mesh/show.ts';
import type { ShownRoute } from '../../../services/net/control/shown.ts';
import { startLabMesh } from '../lab-mesh.ts';
import { MeasureError, until } from '../process.ts';
import { throughMeshSocks, throughSshSocks, type WayThrough } from '../way-through.ts';
import { startYggdrasil } from '../yggdrasil.ts';
import { FAR, NEAR, type TwoWays } from './two-ways.ts';

export interface Contestant {
  name: string;
  /** @param folder an empty one */
  start(ways: TwoWays, folder: string): Promise<WayThrough>;
  /** Resolves when all that it needs to survive a cut is in place; something was downloaded by then. */
  prepared(): Promise<void>;
}

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
      return throughMeshSocks(near, far);
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
      return await throughSshSocks(ways.near, ways.far, address, folder);
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
