import { SocketAddress } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  contains,
  formatIp,
  formatNetwork,
  parseIp,
  parseNetwork,
  sourceOf,
  unmap,
} from '../../../services/net/ip.ts';

const ipv4 = fc.uint8Array({ minLength: 4, maxLength: 4 });
const ipv6 = fc
  .array(fc.oneof(fc.constant(0), fc.nat(0xffff)), { minLength: 8, maxLength: 8 })
  .map((words) => {
    return Uint8Array.from(words.flatMap((word) => [word >> 8, word & 0xff]));
  });

describe('addresses', () => {
  it.each([
    ['::', '::'],
    ['::1', '::1'],
    ['2001:DB8::0:1', '2001:db8::1'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
    ['::ffff:192.0.2.1', '::ffff:c000:201'],
    ['64:ff9b::192.0.2.1', '64:ff9b::c000:201'],
    ['192.0.2.1', '192.0.2.1'],
  ])('writes %s as %s', (text, canonical) => {
    expect(formatIp(parseIp(text) ?? new Uint8Array())).toBe(canonical);
  });

  it.each([
    '',
    '1.2.3',
    '1.2.3.4.5',
    '01.2.3.4',
    '1.2.3.256',
    ':::',
    '1:2',
    'fe80::1%eth0',
    'example.org',
    '0x7f.1',
  ])('takes %j for no address', (text) => expect(parseIp(text)).toBeUndefined());

  it('reads back what it wrote, and agrees with Node', () => {
    fc.assert(
      fc.property(fc.oneof(ipv4, ipv6), (bytes) => {
        const text = formatIp(bytes);
        expect(parseIp(text)).toEqual(bytes);
        const family = bytes.length === 4 ? 'ipv4' : 'ipv6';
        expect(parseIp(new SocketAddress({ address: text, family }).address)).toEqual(bytes);
      }),
      { numRuns: 5_000 },
    );
  });
});

describe('an IPv4-mapped address', () => {
  it.each([
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::fffe:192.0.2.1', '::fffe:c000:201'],
    ['1::ffff:192.0.2.1', '1::ffff:c000:201'],
    ['192.0.2.1', '192.0.2.1'],
  ])('%s is %s', (text, plain) => {
    expect(formatIp(unmap(parseIp(text) ?? new Uint8Array()))).toBe(plain);
  });
});

describe('networks', () => {
  it.each(['10.0.0.0/8', '0.0.0.0/0', '192.0.2.7/32', '2001:db8::/32', '::/0', 'fe80::/10'])(
    'reads %s',
    (text) => {
      const network = parseNetwork(text);
      expect(network && formatNetwork(network)).toBe(text);
    },
  );

  it('takes an address for the network of that one', () => {
    expect(parseNetwork('10.1.2.3')).toEqual(parseNetwork('10.1.2.3/32'));
    expect(parseNetwork('::1')).toEqual(parseNetwork('::1/128'));
  });

  it.each(['10.0.0.1/8', '10.0.0.0/33', '::/129', '10.0.0.0/', '10.0.0.0/-1', '10.0.0.0/8/8', '/8', 'x/8'])(
    'takes %j for no network',
    (text) => expect(parseNetwork(text)).toBeUndefined(),
  );

  it.each([
    ['10.0.0.0/8', '10.255.255.255', true],
    ['10.0.0.0/8', '11.0.0.0', false],
    ['172.16.0.0/12', '172.31.255.255', true],
    ['172.16.0.0/12', '172.32.0.0', false],
    ['0.0.0.0/0', '255.1.2.3', true],
    ['0.0.0.0/0', '::1', false],
    ['::/0', '1.2.3.4', false],
    ['fe80::/10', 'febf::1', true],
    ['fe80::/10', 'fec0::1', false],
    ['::1/128', '::1', true],
    ['::1/128', '::2', false],
  ])('%s contains %s: %s', (network, address, expected) => {
    const [range, bytes] = [parseNetwork(network), parseIp(address)];
    expect(range && bytes && contains(range, bytes)).toBe(expected);
  });
});

describe('a source', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:0:1::7', '2001:db8:0:1::/64'],
    ['2001:db8::1:ffff:1:2:3', '2001:db8:0:1::/64'],
    ['fe80::1%eth0', 'fe80::/64'],
    ['nowhere', 'nowhere'],
    ['', ''],
  ])('of %j is %j', (address, source) => {
    expect(sourceOf(address)).toBe(source);
  });
});
