import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from '../../lib/lab.ts';
import { timeCommand } from '../process.ts';
import { startOn } from '../proxies/proxy.ts';
import type { Vpn } from './vpn.ts';

const [nearAddress, farAddress] = ['10.98.0.2', '10.98.0.1'];
const port = 4_242;

/** nebula with its defaults, but for the MTU, and for access, which it gives to nobody by default. */
export const nebula: Vpn = {
  name: 'nebula',
  async start({ near, far, folder, mtu }) {
    const sign = (...args: string[]) => timeCommand({ file: 'nebula-cert', args });
    const file = (name: string) => join(folder, name);
    const authority = ['-ca-crt', file('ca.crt'), '-ca-key', file('ca.key')];
    await sign('ca', '-name', 'bench', '-out-crt', file('ca.crt'), '-out-key', file('ca.key'));
    const start = async (host: Host, address: string, more: object) => {
      const [cert, key] = [file(`${host.name}.crt`), file(`${host.name}.key`)];
      const names = ['-name', host.name, '-ip', `${address}/24`, '-out-crt', cert, '-out-key', key];
      await sign('sign', ...authority, ...names);
      const everything = [{ port: 'any', proto: 'any', host: 'any' }];
      const config = {
        pki: { ca: file('ca.crt'), cert, key },
        listen: { host: '0.0.0.0', port },
        tun: { dev: 'nebula0', mtu },
        firewall: { inbound: everything, outbound: everything },
        ...more,
      };
      // What it reads is YAML, of which JSON is a part.
      await writeFile(file(`${host.name}.yml`), JSON.stringify(config));
      startOn(host, 'nebula', ['-config', file(`${host.name}.yml`)]);
    };
    await start(far, farAddress, { lighthouse: { am_lighthouse: true } });
    await start(near, nearAddress, {
      static_host_map: { [farAddress]: [`${far.addresses.get(near.name)}:${port}`] },
      lighthouse: { hosts: [farAddress] },
    });
    return farAddress;
  },
};
