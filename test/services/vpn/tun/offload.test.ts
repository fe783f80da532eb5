import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fold, swappedSum } from '../../../../services/vpn/tun/checksum.ts';
import { packetsOf, trainOf } from '../../../../services/vpn/tun/segment.ts';
import { readVirtio, VIRTIO_BYTES } from '../../../../services/vpn/tun/virtio.ts';
import { fuzzRuns } from '../../../fuzz.ts';
import { ACK, checksum, packetsInRow, tcpChecksum, tcpPacket, written as writtenOf } from '../tcp-packets.ts';

const options = fc.constantFrom(0, 4, 12, 40).map((length) => new Uint8Array(length).fill(1));
const payload = fc
  .tuple(fc.integer({ min: 1, max: 20_000 }), fc.nat(255))
  .map(([length, seed]) =>
    Buffer.from(Array.from({ length }, (_, at) => (at * 31 + seed + (at >> 8)) & 0xff)),
  );
const sequences = fc.oneof(fc.nat(0xffffffff), fc.constant(0xffffff00));

const asTrains = (packets: readonly Buffer[]) => packets.map((packet) => ({ packet, segment: 0 }));

/** What the kernel would be handed, as if it came from there. */
const segmentAll = (written: Buffer[]) =>
  written.flatMap((bytes) => {
    const train = trainOf(readVirtio(bytes), bytes.subarray(VIRTIO_BYTES));
    return train === undefined ? [] : packetsOf(train);
  });

describe('checksums', () => {
  it('are those of RFC 1071, wherever the bytes lie', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200, size: 'max' }), fc.nat(7), (bytes, offset) => {
        const buffer = Buffer.concat([Buffer.alloc(offset, 0xff), bytes, Buffer.alloc(3, 0xff)]);
        const sum = fold(swappedSum(buffer, offset, offset + bytes.length));
        expect(~sum & 0xffff).toBe(checksum(bytes));
      }),
      { numRuns: 20_000 },
    );
  });
});

describe('trains of TCP', () => {
  it('are put together and cut again into the same packets, with right checksums', () => {
    fc.assert(
      fc.property(
        ...[
          fc.constantFrom(4 as const, 6 as const),
          sequences,
          options,
          payload,
          fc.integer({ min: 200, max: 1_400 }),
        ],
        (family, sequence, opts, bytes, size) => {
          const packets = packetsInRow(family, sequence, opts, bytes, size);
          const written = writtenOf(asTrains(packets));
          expect(written.length).toBe(1);
          expect(segmentAll(written)).toEqual(packets);
          for (const packet of segmentAll(written)) expect(tcpChecksum(packet, family)).toBe(0);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('keep the order of all packets, whatever is among them', () => {
    const one = fc.tuple(
      fc.constantFrom(4 as const, 6 as const),
      fc.nat(3),
      fc.integer({ min: 0, max: 40 }),
      fc.nat(0x3f),
    );
    fc.assert(
      fc.property(fc.array(one, { minLength: 1, maxLength: 30 }), (plan) => {
        let sequence = 1;
        const packets = plan.map(([family, gap, length, flags], id) => {
          const packet = tcpPacket({
            ...{ family, sequence, id, options: new Uint8Array() },
            flags: gap === 0 ? flags : ACK,
            payload: new Uint8Array(length).fill(id),
          });
          sequence += length + (gap === 1 ? 1 : 0);
          return packet;
        });
        expect(segmentAll(writtenOf(asTrains(packets)))).toEqual(packets);
      }),
      { numRuns: 5_000 },
    );
  });

  it('never have a packet whose checksum is wrong: it goes to the kernel as it came', () => {
    const packets = packetsInRow(4, 1, new Uint8Array(), Buffer.alloc(3_000, 'x'), 1_000);
    const [, damaged] = packets;
    damaged?.writeUInt8(0, damaged.length - 1);
    const written = writtenOf(asTrains(packets));
    expect(written.length).toBe(3);
    expect(written[1]?.subarray(VIRTIO_BYTES)).toEqual(damaged);
    expect(written[1]?.subarray(0, VIRTIO_BYTES)).toEqual(Buffer.alloc(VIRTIO_BYTES));
  });

  it('are never longer than a packet of IP may be', () => {
    const written = writtenOf(
      asTrains(packetsInRow(6, 1, new Uint8Array(), Buffer.alloc(200_000, 'y'), 1_300)),
    );
    for (const bytes of written) expect(bytes.length).toBeLessThanOrEqual(VIRTIO_BYTES + 65_535);
    expect(written.length).toBe(4);
  });

  it('are not made of fragments, of IPv4 with options, or of packets with other headers', () => {
    const [first, second] = packetsInRow(4, 1, new Uint8Array(), Buffer.alloc(2_000, 'z'), 1_000);
    const other = (at: number, value: number) => {
      const copy = Buffer.from(second ?? []);
      copy[at] = value;
      copy.writeUInt16BE(0, 10);
      copy.writeUInt16BE(checksum(copy.subarray(0, 20)), 10);
      copy.writeUInt16BE(0, 36);
      copy.writeUInt16BE(tcpChecksum(copy, 4), 36);
      return writtenOf(asTrains([first ?? copy, copy])).length;
    };
    expect(other(1, 0)).toBe(1);
    expect(other(1, 3)).toBe(2);
    expect(other(6, 0x20)).toBe(2);
    expect(other(8, 3)).toBe(2);
    expect(other(21, 9)).toBe(2);
    expect(other(31, 9)).toBe(2);
    expect(other(35, 1)).toBe(2);
  });
});

describe('what comes from a peer or the kernel', () => {
  it('can be anything: nothing fails, and nothing is made that was not there', () => {
    const bytes = fc.uint8Array({ maxLength: 120, size: 'max' });
    const almost = fc.tuple(
      fc.constantFrom(4 as const, 6 as const),
      fc.array(fc.tuple(fc.nat(70), fc.nat(255)), { maxLength: 4 }),
    );
    const packets = fc.oneof(
      bytes.map((raw) => Buffer.from(raw)),
      almost.map(([family, changes]) => {
        const packet = tcpPacket({
          family,
          sequence: 1,
          flags: ACK,
          options: new Uint8Array(4),
          payload: new Uint8Array(20),
        });
        for (const [at, value] of changes) packet[at % packet.length] = value;
        return packet;
      }),
    );
    fc.assert(
      fc.property(fc.array(packets, { minLength: 1, maxLength: 4 }), (batch) => {
        const written = writtenOf(asTrains(batch));
        expect(written.length).toBeLessThanOrEqual(batch.length);
      }),
      fuzzRuns('offload-batches', 50_000),
    );
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: VIRTIO_BYTES, maxLength: VIRTIO_BYTES }),
        packets,
        (header, packet) => {
          const train = trainOf(readVirtio(Buffer.from(header)), packet);
          const made = train === undefined ? [] : packetsOf(train);
          expect(made.every(({ length }) => length <= packet.length)).toBe(true);
        },
      ),
      fuzzRuns('offload-segments', 100_000),
    );
  });
});
