import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from '../../lib/lab.ts';
import { until } from '../process.ts';
import { startOn } from '../proxies/proxy.ts';
import type { Vpn } from './vpn.ts';

const [nearAddress, farAddress] = ['10.97.0.2', '10.97.0.1'];
const port = 51_820;

/** Interfaces of this process have names of their own: their control sockets lie in one folder for all namespaces. */
let interfaces = 0;

/** WireGuard in user space, in Go. */
export const wireguardGo: Vpn = {
  name: 'wireguard-go',
  async start({ near, far, folder, mtu }, left) {
    const ends = [
      { host: near, neighbour: far, address: nearAddress },
      { host: far, neighbour: near, address: farAddress },
    ];
    const keys = await Promise.all(ends.map(({ host }) => generateKey(host, folder)));
    for (const [at, { host, neighbour, address }] of ends.entries()) {
      const [own, other] = [keys[at], keys[1 - at]];
      const device = `wg${process.pid.toString(36)}${(interfaces++).toString(36)}`;
      left.defer(() => rm(`/var/run/wireguard/${device}.sock`, { force: true }));
      startOn(host, 'wireguard-go', ['--foreground', device], { LOG_LEVEL: 'error' });
      const config = join(folder, `${host.name}.conf`);
      await writeFile(
        config,
        [
          ...['[Interface]', `PrivateKey = ${own?.private}`, `ListenPort = ${port}`],
          ...['[Peer]', `PublicKey = ${other?.public}`, 'AllowedIPs = 10.97.0.0/24'],
          `Endpoint = ${neighbour.addresses.get(host.name)}:${port}`,
          '',
        ].join('\n'),
        { mode: 0o600 },
      );
      await until('wireguard-go', () => host.run('wg', 'setconf', device, config));
      await host.run('ip', 'address', 'add', `${address}/24`, 'dev', device);
      await host.run('ip', 'link', 'set', device, 'mtu', String(mtu), 'up');
    }
    return farAddress;
  },
};

async function generateKey(host: Host, folder: string): Promise<{ private: string; public: string }> {
  const file = join(folder, `${host.name}.key`);
  const privateKey = (await host.run('wg', 'genkey')).trim();
  await writeFile(file, privateKey, { mode: 0o600 });
  const publicKey = await host.run('sh', '-c', 'wg pubkey < "$0"', file);
  return { private: privateKey, public: publicKey.trim() };
}
