import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  encodeMark,
  encodeReport,
  encodeTrains,
  LEAST_TRAINS_BYTES,
  readDatagram,
} from '../../../services/vpn/datagram.ts';
import { sizeOf, type Train } from '../../../services/vpn/train.ts';
import { packetsOf, trainOf } from '../../../services/vpn/tun/segment.ts';
import { readVirtio, VIRTIO_BYTES } from '../../../services/vpn/tun/virtio.ts';
import { bytes, fuzzRuns, mutated } from '../../fuzz.ts';
import { ipv4Packet, ipv6Packet } from './packets.ts';
import { ACK, PSH, packetsInRow, tcpPacket, written as writtenOf } from './tcp-packets.ts';

/** A train as the kernel hands it over, and the packets for which it stands. */
function train(family: 4 | 6, payload: number, segment: number): { whole: Train; packets: Buffer[] } {
  const packets = packetsInRow(family, 77, new Uint8Array(12).fill(1), Buffer.alloc(payload, 'sky'), segment);
  const [written = Buffer.alloc(0)] = writtenOf(packets.map((packet) => ({ packet, segment: 0 })));
  const whole = trainOf(readVirtio(written), written.subarray(VIRTIO_BYTES));
  if (whole === undefined) throw new Error('no train');
  return { whole, packets };
}

const flagsAt = (family: 4 | 6) => (family === 4 ? 33 : 53);

describe('a datagram of a tunnel', () => {
  it('is a packet as it is', () => {
    for (const packet of [ipv4Packet('10.0.0.1', '10.0.0.2', 8), ipv6Packet('fd00::1', 'fd00::2', 8)])
      expect(readDatagram(packet)).toEqual({ kind: 'packet', packet });
  });

  it('has trains and packets in their order, and is longer than what goes over UDP', () => {
    const [first, second] = [train(4, 30_000, 1_348), train(6, 20_000, 1_200)];
    const small = { packet: ipv4Packet('10.0.0.1', '10.0.0.2', 8), segment: 0 };
    const trains = [first.whole, small, second.whole];
    const read = readDatagram(encodeTrains(7, trains));
    expect(read).toEqual({ kind: 'trains', number: 7, trains });
    if (read?.kind !== 'trains') return;
    expect(read.trains.flatMap(packetsOf)).toEqual([...first.packets, small.packet, ...second.packets]);
    const alone = encodeTrains(8, [small]);
    expect(alone.length).toBe(LEAST_TRAINS_BYTES);
    expect(readDatagram(alone)).toEqual({ kind: 'trains', number: 8, trains: [small] });
  });

  it('is made in the memory of a train that has room for its head', () => {
    const { whole } = train(4, 30_000, 1_348);
    const memory = Buffer.concat([Buffer.alloc(10, 0xff), whole.packet]);
    const roomy = { packet: memory.subarray(10), segment: 1_348, room: 10 };
    const expected = encodeTrains(3, [whole]);
    const datagram = encodeTrains(3, [roomy]);
    expect(datagram).toEqual(expected);
    expect(datagram.buffer).toBe(memory.buffer);
    expect(memory[0]).toBe(0xff);
    for (const room of [0, 8]) expect(encodeTrains(3, [{ ...roomy, room }]).buffer).not.toBe(memory.buffer);
    // Filled up at its end, there is no room for it.
    const small = {
      packet: Buffer.concat([Buffer.alloc(10), ipv4Packet('10.0.0.1', '10.0.0.2', 8)]).subarray(10),
    };
    const filled = encodeTrains(4, [{ ...small, segment: 0, room: 10 }]);
    expect(readDatagram(filled)).toMatchObject({ number: 4, trains: [{ ...small, segment: 0 }] });
  });

  it('tells what was sent and what has come', () => {
    expect(readDatagram(encodeMark({ sent: 0xffffffff }))).toEqual({ kind: 'mark', sent: 0xffffffff });
    const report = { sent: 5, received: 4, nextTrains: 0xfffffffe, trains: 2 };
    expect(readDatagram(encodeReport(report))).toEqual({ kind: 'report', ...report });
  });

  it.each([4, 6] as const)('is refused with a train of IPv%i that cannot be cut as it says', (family) => {
    const { whole } = train(family, 5_000, 1_000);
    const read = (change: (packet: Buffer) => Buffer | undefined, segment = whole.segment) => {
      const copy = Buffer.from(whole.packet);
      return readDatagram(encodeTrains(0, [{ packet: change(copy) ?? copy, segment }]))?.kind;
    };
    const set = (at: number, value: number) => (packet: Buffer) => {
      packet[at] = value;
      return undefined;
    };
    expect(read(() => undefined)).toBe('trains');
    // Segments: thousands of them, or one only.
    expect(read(() => undefined, 499)).toBeUndefined();
    expect(read(() => undefined, 5_000)).toBeUndefined();
    expect(read(() => undefined, 65_535)).toBeUndefined();
    // SYN, RST, URG, no ACK.
    for (const flags of [ACK | 0x02, ACK | 0x04, ACK | 0x20, PSH])
      expect(read(set(flagsAt(family), flags))).toBeUndefined();
    // A header of TCP that is too short, or longer than the packet; another protocol.
    expect(read(set(flagsAt(family) - 1, 0x40))).toBeUndefined();
    expect(read(set(family === 4 ? 9 : 6, 17))).toBeUndefined();
    expect(read((packet) => packet.subarray(0, packet.length - 1))).toBeUndefined();
    if (family === 4) expect(read(set(6, 0x20))).toBeUndefined();
  });

  it('is refused when it is cut off, or has nothing in it', () => {
    const datagram = encodeTrains(0, [train(4, 5_000, 1_000).whole]);
    expect(readDatagram(datagram.subarray(0, -1))).toBeUndefined();
    expect(readDatagram(Buffer.concat([datagram.subarray(0, 5), Buffer.alloc(2_000)]))).toBeUndefined();
    expect(readDatagram(encodeMark({ sent: 1 }).subarray(1))).toBeUndefined();
    expect(readDatagram(Buffer.alloc(0))).toBeUndefined();
  });

  it('can be anything: what is taken of it is no more than there is, and the kernel can be told of it', () => {
    const one = fc
      .tuple(fc.constantFrom(4 as const, 6 as const), fc.integer({ min: 1, max: 3_000 }), fc.nat(0xff))
      .map(([family, length, flags]): Train => {
        const payload = new Uint8Array(length);
        const packet = tcpPacket({
          family,
          sequence: 9,
          flags: flags | ACK,
          options: new Uint8Array(),
          payload,
        });
        return { packet, segment: length > 600 ? 500 + (flags & 7) : 0 };
      });
    const valid = fc
      .tuple(fc.nat(0xffffffff), fc.array(one, { minLength: 1, maxLength: 3 }))
      .map(([number, trains]) => encodeTrains(number, trains));
    fc.assert(
      fc.property(fc.oneof(bytes(60), mutated(valid)), (datagram) => {
        const read = readDatagram(datagram);
        if (read?.kind !== 'trains') return;
        const all = read.trains.reduce((sum, { packet }) => sum + packet.length, 0);
        expect(all).toBeLessThan(datagram.length);
        for (const each of read.trains) {
          const packets = packetsOf(each);
          expect(packets.length).toBe(sizeOf(each).packets);
          expect(packets.length).toBeLessThanOrEqual(1 + each.packet.length / 500);
        }
        for (const written of writtenOf(read.trains)) expectSound(written);
      }),
      fuzzRuns('vpn-datagram', 100_000),
    );
  });
});

/** What drivers/net/tun.c and include/linux/virtio_net.h refuse, or would have to guess. */
function expectSound(written: Buffer): void {
  const { needsChecksum, gsoType, gsoSize, checksumStart, checksumOffset } = readVirtio(written);
  const packet = written.subarray(VIRTIO_BYTES);
  const headerLength = written.readUInt16LE(2);
  if (!needsChecksum) {
    expect([...written.subarray(0, VIRTIO_BYTES)]).toEqual(Array(VIRTIO_BYTES).fill(0));
    return;
  }
  const family = (packet[0] ?? 0) >> 4;
  expect(gsoType).toBe(family === 4 ? 1 : 4);
  expect([checksumStart, checksumOffset]).toEqual([family === 4 ? 20 : 40, 16]);
  expect(headerLength).toBeGreaterThanOrEqual(checksumStart + 20);
  expect(headerLength + gsoSize).toBeLessThan(packet.length);
}
