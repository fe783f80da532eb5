import { startYggdrasil } from '../yggdrasil.ts';
import type { Vpn } from './vpn.ts';

/** yggdrasil between two neighbours, with the MTU that it has by default: it is not made for small ones. */
export const yggdrasil: Vpn = {
  name: 'yggdrasil, MTU 65,535',
  async start({ near, far, folder }) {
    const address = await startYggdrasil(far, { folder, device: 'ygg0' });
    await startYggdrasil(near, { folder, device: 'ygg0', peers: [far.addresses.get(near.name) ?? ''] });
    return address;
  },
};
