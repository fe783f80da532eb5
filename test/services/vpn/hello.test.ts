import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseIp } from '../../../services/net/ip.ts';
import {
  formatHello,
  formatOffer,
  formatRefusal,
  type Offer,
  parseHello,
  parseOffer,
  Refused,
} from '../../../services/vpn/hello.ts';
import { parseNetworks } from '../../../services/vpn/networks.ts';
import { fuzzRuns } from '../../fuzz.ts';

const offer: Offer = {
  addresses: parseNetworks('10.99.0.2, fd00::2'),
  routes: parseNetworks('0.0.0.0/0, ::/0'),
  dns: [parseIp('10.99.0.1') ?? new Uint8Array()],
  mtu: 1_400,
  trains: true,
};
const fields = JSON.parse(formatOffer(offer));

describe('hello and offer', () => {
  it('are read back as they were written', () => {
    for (const trains of [false, true]) {
      expect(parseHello(formatHello({ trains }))).toEqual({ trains });
      expect(parseOffer(formatOffer({ ...offer, trains }))).toEqual({ ...offer, trains });
    }
    expect(() => parseOffer(formatRefusal('full'))).toThrow(new Refused('the server refuses: full'));
  });

  it('are those of before trains when no trains are taken', () => {
    expect(formatHello({ trains: false })).toBe('{"vpn":1}\n');
    expect(JSON.parse(formatOffer({ ...offer, trains: false }))).not.toHaveProperty('trains');
    expect(parseHello('{"vpn":1}')).toEqual({ trains: false });
    const { trains, ...before } = fields;
    expect(parseOffer(JSON.stringify(before))).toEqual({ ...offer, trains: false });
  });

  it.each([
    ['another version', { vpn: 2 }],
    ['no address', { addresses: [] }],
    ['two addresses of a family', { addresses: ['10.0.0.1', '10.0.0.2'] }],
    ['loopback as address', { addresses: ['127.0.0.1'] }],
    ['multicast as address', { addresses: ['ff02::1'] }],
    ['::1 as address', { addresses: ['::1'] }],
    ['an address that is a command', { addresses: ['10.0.0.1 dev lo'] }],
    ['a route that is none', { routes: ['10.0.0.1/8'] }],
    ['too many routes', { routes: Array(65).fill('10.0.0.0/8') }],
    ['routes that are no list', { routes: '0.0.0.0/0' }],
    ['a name as server of names', { dns: ['dns.example'] }],
    ['an MTU too small for IPv6', { mtu: 576 }],
    ['an MTU beyond every packet', { mtu: 65_536 }],
    ['an MTU that is no number', { mtu: '1400' }],
    ['trains that are many', { trains: 2 }],
  ])('an offer with %s is refused', (_, wrong) => {
    expect(() => parseOffer(JSON.stringify({ ...fields, ...wrong }))).toThrow();
  });

  it('take anything without failing otherwise', () => {
    const check = (line: string) => {
      for (const parse of [parseHello, parseOffer]) {
        try {
          parse(line);
        } catch (error) {
          expect((error as Error).name).toMatch(/^(SyntaxError|ShapeError|Refused)$/);
        }
      }
    };
    const value = fc.oneof(
      fc.jsonValue({ maxDepth: 2 }),
      fc.array(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string())),
    );
    const almost = fc.record(
      {
        vpn: fc.constantFrom(1, 2),
        addresses: value,
        routes: value,
        dns: value,
        mtu: fc.oneof(value, fc.nat(70_000)),
        trains: fc.oneof(value, fc.boolean()),
      },
      { requiredKeys: ['vpn'] },
    );
    const lines = fc.oneof(fc.string(), fc.json(), {
      weight: 2,
      arbitrary: almost.map((object) => JSON.stringify({ ...fields, ...object })),
    });
    fc.assert(fc.property(lines, check), fuzzRuns('vpn-hello', 100_000));
  });
});
