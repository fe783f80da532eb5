import { describe, expect, it } from 'vitest';
import { formatNetwork } from '../../../services/net/ip.ts';
import { NetworkError, parseNetworks, withoutOverlap } from '../../../services/vpn/networks.ts';

const read = (text: string) => parseNetworks(text).map(formatNetwork);

describe('lists of networks', () => {
  it('reads what wg-quick takes', () => {
    expect(read('10.0.0.0/8, fd00::/8,192.0.2.7')).toEqual(['10.0.0.0/8', 'fd00::/8', '192.0.2.7/32']);
    expect(read('')).toEqual([]);
  });

  it.each(['10.0.0.1/8', 'x', '10.0.0.0/8 10.1.0.0/16', '::/129'])(
    'refuses %j and says what to give',
    (text) => {
      expect(() => parseNetworks(text)).toThrow(NetworkError);
      expect(() => parseNetworks(text)).toThrow(/give ADDRESS\/BITS/);
    },
  );

  it('leaves out what is within another network', () => {
    const networks = parseNetworks('10.1.0.0/16, 10.0.0.0/8, 10.0.0.0/8, ::/0, fd00::/8, 192.0.2.0/24');
    expect(withoutOverlap(networks).map(formatNetwork)).toEqual(['::/0', '10.0.0.0/8', '192.0.2.0/24']);
  });
});
