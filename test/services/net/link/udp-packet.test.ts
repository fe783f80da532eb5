import fc from 'fast-check';
import { expect, it } from 'vitest';
import { FrameType } from '../../../../services/net/link/frames.ts';
import { MAX_UDP_PAYLOAD_BYTES, openPacket, sealPacket } from '../../../../services/net/link/udp-packet.ts';
import { CipherState } from '../../../../services/net/noise/state.ts';
import { AESGCM, ChaChaPoly } from '../../../../services/net/noise/suite.ts';
import { fuzzRuns } from '../../../fuzz.ts';

const cipher = new CipherState(AESGCM.aead(Buffer.alloc(32, 7)));
const datagram = { type: FrameType.datagram, label: 9 };

it.each([AESGCM, ChaChaPoly])('opens what was sealed: $name', (suite) => {
  const sealing = new CipherState(suite.aead(Buffer.alloc(32, 7)));
  const parts = fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 3 });
  const label = fc.integer({ min: 0, max: 2 ** 32 - 1 });
  const counter = fc.integer({ min: 0, max: 2 ** 52 - 1 });
  fc.assert(
    fc.property(parts, label, counter, (pieces, label, counter) => {
      const buffers = pieces.map((piece) => Buffer.from(piece));
      const payload = Buffer.concat(buffers);
      const type = FrameType.datagram;
      const packet = sealPacket(sealing, { number: 5, counter }, { type, label }, buffers, payload.length);
      expect(packet.readUInt32BE()).toBe(5);
      expect(packet).toHaveLength(36 + payload.length);
      expect(openPacket(sealing, packet)).toEqual({ counter, type, label, payload });
    }),
    { numRuns: 500 },
  );
});

it('fits a frame of Ethernet at its largest', () => {
  const payload = Buffer.alloc(MAX_UDP_PAYLOAD_BYTES);
  const packet = sealPacket(cipher, { number: 1, counter: 1 }, datagram, [payload], payload.length);
  expect(packet.length + 20 + 8).toBe(1500);
  expect(openPacket(cipher, packet)?.payload).toHaveLength(MAX_UDP_PAYLOAD_BYTES);
  const longer = sealPacket(
    ...([cipher, { number: 1, counter: 1 }, datagram] as const),
    [payload, Buffer.of(1)],
    payload.length + 1,
  );
  expect(openPacket(cipher, longer)).toBeUndefined();
});

it('opens no packet with a bit changed', () => {
  const packet = sealPacket(cipher, { number: 1, counter: 77 }, datagram, [Buffer.from('payload')], 7);
  for (let bit = 0; bit < packet.length * 8; bit++) {
    const changed = Buffer.from(packet);
    changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    expect(openPacket(cipher, changed)).toBeUndefined();
  }
});

it('opens nothing that the other end did not seal', () => {
  const bytes = fc.uint8Array({ minLength: 4, maxLength: 120 });
  fc.assert(
    fc.property(bytes, fc.boolean(), (noise, small) => {
      const packet = Buffer.from(noise);
      // A counter that is possible, or most are refused for it alone.
      if (small && packet.length >= 12) packet.fill(0, 4, 8);
      return openPacket(cipher, packet) === undefined;
    }),
    fuzzRuns('udp-packet', 100_000),
  );
});

it('opens only what makes sense over UDP, whatever the other end seals', () => {
  const { data, credit, down, rekey, udp } = FrameType;
  for (const type of [data, credit, down, rekey, FrameType.switch, udp, 0, 10, 255])
    for (const bytes of [0, 4, 6, 8])
      expect(openPacket(cipher, seal(type, 0, Buffer.alloc(bytes)))).toBeUndefined();
  expect(openPacket(cipher, seal(FrameType.ping, 0, Buffer.alloc(8)))).toBeDefined();
  expect(openPacket(cipher, seal(FrameType.ping, 1, Buffer.alloc(8)))).toBeUndefined();
  expect(openPacket(cipher, seal(FrameType.pong, 0, Buffer.alloc(7)))).toBeUndefined();
});

it('is never opened as a record, nor a record as a packet: their nonces differ', () => {
  const header = Buffer.alloc(8);
  const head = Buffer.alloc(12);
  const record = new CipherState(cipher.aead).seal(head, header);
  expect(openPacket(cipher, Buffer.concat([head, record]))).toBeUndefined();
});

function seal(type: number, label: number, payload: Buffer): Buffer {
  return sealPacket(cipher, { number: 1, counter: 1 }, { type, label }, [payload], payload.length);
}
