import { join } from 'node:path';
import { startLabMesh } from '../lab-mesh.ts';
import type { Vpn } from './vpn.ts';

/** Our VPN between two nodes that are neighbours. @param apps folder with the bundled apps */
export function ourVpn(apps: string): Vpn {
  return {
    name: 'Skyminer',
    async start({ lab, near, far, folder, mtu }) {
      const [client, server] = await startLabMesh(lab, [near, far], apps, join(folder, 'mesh'));
      if (client === undefined || server === undefined) throw new Error('a host has no node');
      const networks = ['--pool', '10.99.0.0/24', '--allowed-ips', '10.99.0.0/24'];
      server.start('meshnet-vpn-server', 'vpn-server', server.socket, '--mtu', String(mtu), ...networks);
      client.start('meshnet-vpn-client', 'vpn-client', client.socket, '--server', `${server.key}/vpn-server`);
      return '10.99.0.1';
    },
  };
}
