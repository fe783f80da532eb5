import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatNetwork } from '../../../services/net/ip.ts';
import { NetworkError, parseNetworks } from '../../../services/vpn/networks.ts';
import { Pool } from '../../../services/vpn/pool.ts';

const pool = (text: string) => new Pool(parseNetworks(text)[0] ?? { bytes: new Uint8Array(4), prefix: 0 });

describe('a pool', () => {
  it('has the server first and then the clients', () => {
    expect(formatNetwork(pool('10.99.0.0/24').address(1))).toBe('10.99.0.1/32');
    expect(formatNetwork(pool('10.99.3.128/25').address(2))).toBe('10.99.3.130/32');
    expect(formatNetwork(pool('fd00:1::/64').address(259))).toBe('fd00:1::103/128');
  });

  it('gives out neither the broadcast address nor more than its network has', () => {
    expect(pool('10.99.0.0/24').places).toBe(255);
    expect(pool('10.99.0.0/29').places).toBe(7);
    expect(pool('fd00::/120').places).toBe(256);
    expect(pool('fd00::/8').places).toBe(65_536);
  });

  it.each(['10.0.0.0/31', '10.0.0.0/32', 'fd00::/127'])('needs more room than %s', (text) => {
    expect(() => pool(text)).toThrow(NetworkError);
  });

  it.each(['10.99.0.0/16', '10.99.7.64/26', 'fd73:6b79::/64', 'fd73:6b79::4000/114'])(
    'finds the place of every address of %s again, and of no other',
    (text) => {
      const { places } = pool(text);
      fc.assert(
        fc.property(fc.integer({ min: 0, max: places - 1 }), fc.nat(40), (place, offset) => {
          const { bytes } = pool(text).address(place);
          const packet = Buffer.concat([Buffer.alloc(offset), bytes]);
          expect(pool(text).placeOf(packet, offset)).toBe(place);
        }),
      );
      const length = text.includes(':') ? 16 : 4;
      fc.assert(
        fc.property(fc.uint8Array({ minLength: length, maxLength: length }), (bytes) => {
          const place = pool(text).placeOf(Buffer.from(bytes), 0);
          if (place !== undefined)
            expect(Buffer.from(pool(text).address(place).bytes)).toEqual(Buffer.from(bytes));
        }),
      );
    },
  );
});
