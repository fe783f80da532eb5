import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InboundFilter } from '../../../services/vpn/client/filter.ts';
import { parseNetworks } from '../../../services/vpn/networks.ts';
import { familyOf } from '../../../services/vpn/packet.ts';
import { fuzzRuns } from '../../fuzz.ts';
import { ipv4Packet, ipv6Packet } from './packets.ts';

describe('packets', () => {
  it('knows whole ones of both families', () => {
    expect(familyOf(ipv4Packet('10.0.0.1', '10.0.0.2', 100))).toBe(4);
    expect(familyOf(ipv6Packet('fd00::1', 'fd00::2', 100))).toBe(6);
  });

  it('knows none that are cut, too long, of no family, or shorter than their header says', () => {
    for (const packet of [ipv4Packet('10.0.0.1', '10.0.0.2', 100), ipv6Packet('fd00::1', 'fd00::2', 100)]) {
      for (let length = 0; length < packet.length; length++)
        expect(familyOf(packet.subarray(0, length))).toBeUndefined();
      expect(familyOf(Buffer.concat([packet, Buffer.alloc(1)]))).toBeUndefined();
    }
    const longHeader = ipv4Packet('10.0.0.1', '10.0.0.2', 10);
    longHeader[0] = 0x4f;
    expect(familyOf(longHeader)).toBeUndefined();
    const shortHeader = ipv4Packet('10.0.0.1', '10.0.0.2', 10);
    shortHeader[0] = 0x44;
    expect(familyOf(shortHeader)).toBeUndefined();
  });

  it('takes anything without failing, and never more than there is', () => {
    const bytes = fc.uint8Array({ maxLength: 64, size: 'max' });
    const packets = fc
      .tuple(fc.constantFrom(0x45, 0x46, 0x4f, 0x60, 0x6f, 0x00), fc.nat(64), bytes)
      .map(([first, length, rest]) => {
        const packet = Buffer.concat([Buffer.from([first, 0, 0, 0, 0, 0]), rest]);
        packet.writeUInt16BE(first >> 4 === 6 ? Math.max(0, length - 40) : length, first >> 4 === 6 ? 4 : 2);
        return packet;
      });
    let whole = 0;
    const filter = new InboundFilter(
      parseNetworks('10.0.0.1, fd00::1'),
      parseNetworks('0.0.0.0/0, fd00::/8'),
    );
    const check = (packet: Buffer) => {
      const family = familyOf(packet);
      if (family !== undefined) whole++;
      if (family === 4) expect(packet.length).toBeGreaterThanOrEqual(20);
      if (family === 6) expect(packet.length).toBeGreaterThanOrEqual(40);
      filter.takes(packet);
    };
    const anything = fc.oneof(
      bytes.map((raw) => Buffer.from(raw)),
      packets,
    );
    fc.assert(fc.property(anything, check), fuzzRuns('ip-packet', 100_000));
    expect(whole).toBeGreaterThan(0);
  });
});

describe('what a client takes from its server', () => {
  const filter = new InboundFilter(
    parseNetworks('10.99.0.2, fd00::2'),
    parseNetworks('10.0.0.0/8, fd00::/64'),
  );

  it.each([
    ['10.1.2.3', '10.99.0.2', true],
    ['10.1.2.3', '10.99.0.3', false],
    ['192.168.0.1', '10.99.0.2', false],
    ['fd00::77', 'fd00::2', true],
    ['fd00::77', 'fd00::3', false],
    ['fd01::77', 'fd00::2', false],
  ])('from %s to %s: %s', (from, to, taken) => {
    const packet = from.includes(':') ? ipv6Packet(from, to, 8) : ipv4Packet(from, to, 8);
    expect(filter.takes(packet)).toBe(taken);
  });
});
