import { networkInterfaces } from 'node:os';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatIp } from '../../../../services/net/ip.ts';
import { Egress, EgressRuleError, formatRule, parseRule } from '../../../../services/socks/server/egress.ts';

const nothing = () => [];
const allow = (text: string) => parseRule(true, text);
const deny = (text: string) => parseRule(false, text);

describe('without rules', () => {
  const egress = new Egress([], nothing);

  it.each(['1.1.1.1', '93.184.215.14', '172.15.0.1', '172.32.0.1', '100.128.0.1', '223.255.255.255'])(
    'opens %s',
    (address) => expect(egress.permits(address, 443)).toBe(true),
  );

  it.each([
    '2606:4700:4700::1111',
    '2a00:1450:4001::1',
    '64:ff9b::1.1.1.1',
    '2002:101:101::1',
    '::ffff:1.1.1.1',
  ])('opens %s', (address) => expect(egress.permits(address, 443)).toBe(true));

  it.each([
    '0.0.0.0',
    '0.1.2.3',
    '10.0.0.1',
    '10.255.255.255',
    '100.64.0.1',
    '100.127.255.255',
    '127.0.0.1',
    '127.255.255.254',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.8',
    '192.0.2.1',
    '192.88.99.1',
    '192.168.0.1',
    '198.18.0.1',
    '198.19.255.255',
    '198.51.100.1',
    '203.0.113.1',
    '224.0.0.1',
    '239.255.255.250',
    '240.0.0.1',
    '255.255.255.255',
  ])('closes %s', (address) => expect(egress.permits(address, 443)).toBe(false));

  it.each([
    '::',
    '::1',
    '::127.0.0.1',
    '::1.1.1.1',
    '::ffff:0:127.0.0.1',
    '64:ff9b:1::1.1.1.1',
    '100::1',
    '200::1',
    '2001::1',
    '2001:0:102:304::1',
    '2001:db8::1',
    '3fff::1',
    '4000::1',
    '5f00::1',
    'fc00::1',
    'fd12:3456::1',
    'fe80::1',
    'febf::1',
    'fec0::1',
    'ff02::1',
  ])('closes %s', (address) => expect(egress.permits(address, 443)).toBe(false));

  it.each(['127.0.0.1', '10.1.2.3', '169.254.169.254', '192.168.0.2', '0.0.0.0', '224.0.0.1'])(
    'closes %s in every form that IPv6 has for it',
    (ipv4) => {
      const [a = 0, b = 0, c = 0, d = 0] = ipv4.split('.').map(Number);
      const hex = (high: number, low: number) => ((high << 8) | low).toString(16);
      const embedded = `${hex(a, b)}:${hex(c, d)}`;
      for (const form of [
        `::ffff:${ipv4}`,
        `::${ipv4}`,
        `64:ff9b::${ipv4}`,
        `2002:${embedded}::1`,
        `2001:0:${embedded}::`,
      ]) {
        expect([form, egress.permits(form, 80)]).toEqual([form, false]);
      }
    },
  );

  it.each(['example.org', '', '127.1', '0x7f000001', '2130706433', 'fe80::1%eth0', '1.2.3.4.5'])(
    'closes %j, which is no address',
    (text) => expect(egress.permits(text, 80)).toBe(false),
  );

  it('opens of IPv6 nothing but global unicast and NAT64', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        const first = (bytes[0] ?? 0) >> 5;
        if (first !== 1) expect(egress.permits(formatIp(bytes), 443)).toBe(false);
      }),
      { numRuns: 10_000 },
    );
  });
});

describe("the server's own addresses", () => {
  it('are closed, whatever network they are in', () => {
    const egress = new Egress([allow('192.168.0.0/24')], () => [
      '192.168.0.2',
      '8.8.4.4',
      '2a00::2',
      'fe80::2',
    ]);
    expect(egress.permits('192.168.0.3', 22)).toBe(true);
    for (const own of ['192.168.0.2', '8.8.4.4', '2a00::2', '::ffff:8.8.4.4', '64:ff9b::8.8.4.4']) {
      expect([own, egress.permits(own, 22)]).toEqual([own, false]);
    }
  });

  it('are opened by a rule for just that address', () => {
    const egress = new Egress([allow('192.168.0.2:80')], () => ['192.168.0.2']);
    expect(egress.permits('192.168.0.2', 80)).toBe(true);
    expect(egress.permits('192.168.0.2', 22)).toBe(false);
  });

  it('are those of the interfaces', () => {
    const addresses = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
    const egress = new Egress([allow('0.0.0.0/1'), allow('128.0.0.0/1'), allow('::/1'), allow('8000::/1')]);
    for (const { address } of addresses)
      expect([address, egress.permits(address, 80)]).toEqual([address, false]);
  });
});

describe('rules', () => {
  it.each([
    ['10.0.0.0/8', 'allow 10.0.0.0/8'],
    ['10.0.0.0/8:443', 'allow 10.0.0.0/8:443'],
    ['10.0.0.7:443', 'allow 10.0.0.7/32:443'],
    ['fd00::/8', 'allow fd00::/8'],
    ['[fd00::/8]', 'allow fd00::/8'],
    ['[fd00::/8]:22', 'allow [fd00::/8]:22'],
    ['::1', 'allow ::1/128'],
  ])('reads %s', (text, written) => expect(formatRule(allow(text))).toBe(written));

  it.each([
    '',
    '10.0.0.1/8',
    '10.0.0.0/33',
    '10.0.0.0/8:0',
    '10.0.0.0/8:65536',
    '10.0.0.0/8:',
    '[10.0.0.0/8]:80',
    'x:80',
  ])('refuses %j', (text) => expect(() => allow(text)).toThrow(EgressRuleError));

  it('decide by the narrowest network, in whatever order they come', () => {
    const rules = [deny('0.0.0.0/0'), allow('93.184.0.0/16'), deny('93.184.7.0/24'), allow('93.184.7.1')];
    for (const order of [rules, rules.toReversed()]) {
      const egress = new Egress(order, nothing);
      expect(egress.permits('1.1.1.1', 80)).toBe(false);
      expect(egress.permits('93.184.1.1', 80)).toBe(true);
      expect(egress.permits('93.184.7.2', 80)).toBe(false);
      expect(egress.permits('93.184.7.1', 80)).toBe(true);
      expect(egress.permits('64:ff9b::1.1.1.1', 80)).toBe(false);
      expect(egress.permits('::ffff:93.184.7.1', 80)).toBe(true);
    }
  });

  it('of one network decide by the port first, and deny where they contradict each other', () => {
    const egress = new Egress([deny('0.0.0.0/0'), allow('0.0.0.0/0:443')], nothing);
    expect(egress.permits('1.1.1.1', 443)).toBe(true);
    expect(egress.permits('1.1.1.1', 80)).toBe(false);
    expect(new Egress([allow('1.1.1.1'), deny('1.1.1.1')], nothing).permits('1.1.1.1', 80)).toBe(false);
  });

  it('for everything open nothing that is closed by a narrower range', () => {
    const egress = new Egress([allow('0.0.0.0/0'), allow('::/0')], nothing);
    for (const closed of ['127.0.0.1', '192.168.0.1', '::1', 'fd00::1', 'fe80::1']) {
      expect([closed, egress.permits(closed, 80)]).toEqual([closed, false]);
    }
  });

  it('open loopback by its name', () => {
    const egress = new Egress([allow('127.0.0.0/8:8080'), allow('::1')]);
    expect(egress.permits('127.0.0.1', 8080)).toBe(true);
    expect(egress.permits('127.0.0.1', 22)).toBe(false);
    expect(egress.permits('::1', 22)).toBe(true);
    expect(egress.permits('::ffff:127.0.0.1', 8080)).toBe(true);
  });
});
