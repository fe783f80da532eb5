import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { MAX_FRAME_BYTES } from '../../../../services/net/link/frames.ts';
import { FrameType } from '../../../../services/net/link/link.ts';
import { closed } from '../sockets.ts';
import { frames, linkAndRaw, type RawEnd, tappedPair } from './support.ts';

const nothing = Buffer.of();

describe('a bit that is flipped on the way ends the link, and names the neighbour', () => {
  // One frame of 1,000 bytes: head 4, sealed header 24, payload.
  it.each([
    ['number of frames', 0, 1],
    ['length', 3, 1],
    ['length, to more than allowed', 1, 0x80],
    ['sealed header', 5, 4],
    ['tag', 27, 1],
    ['first byte of the payload', 28, 1],
    ['last byte of the payload', 1027, 0x80],
  ])('in the %s', async (_, offset, bit) => {
    const [from, to] = await tappedPair((chunk) => {
      chunk.writeUInt8(chunk.readUInt8(offset) ^ bit, offset);
      return chunk;
    });
    const got: number[] = [];
    to.on('frame', (type) => got.push(type));
    from.send(FrameType.data, 1, [randomBytes(1000)]);
    // A record that seems longer waits for its rest.
    if (offset === 0 || offset === 3)
      for (let i = 0; i < 10; i++) from.send(FrameType.data, 1, [randomBytes(1000)]);
    expect(await to.closed).toMatch(
      new RegExp(`^${to.remote} sent a record (that was changed|with|without)`),
    );
    expect(got).toEqual([]);
    expect(await from.closed).toContain(from.remote);
  });
});

describe('a record that makes no sense ends the link, and names the neighbour', () => {
  const header = (type: number, bytes: number, label = 0): Buffer => {
    const header = Buffer.alloc(8);
    header.writeUInt32BE(type * 2 ** 24 + bytes);
    header.writeUInt32BE(label, 4);
    return header;
  };
  it.each<[string, (raw: RawEnd) => Buffer, string]>([
    ['without frames', () => Buffer.of(0, 0, 0, 0), 'a record without frames'],
    ['too large', () => Buffer.of(1, 4, 0, 1), 'a record with 262145 bytes'],
    [
      'of nothing but noise',
      () => Buffer.concat([Buffer.of(1, 0, 0, 0), randomBytes(24)]),
      'a record that was changed on its way',
    ],
    ['with an unknown type', (raw) => raw.record(10, 1, nothing), 'a frame of type 10, which does not exist'],
    ['of type 0', (raw) => raw.record(0, 1, nothing), 'a frame of type 0, which does not exist'],
    [
      'with too much DATA',
      (raw) => raw.record(FrameType.data, 1, Buffer.alloc(MAX_FRAME_BYTES + 1)),
      'a frame of type 1 with 200001 bytes',
    ],
    [
      'with CREDIT of three bytes',
      (raw) => raw.record(FrameType.credit, 1, Buffer.alloc(3)),
      'a frame of type 2 with 3 bytes',
    ],
    [
      'with DOWN that carries something',
      (raw) => raw.record(FrameType.down, 1, Buffer.alloc(1)),
      'a frame of type 4 with 1 bytes',
    ],
    [
      'with a long PING',
      (raw) => raw.record(FrameType.ping, 0, Buffer.alloc(9)),
      'a frame of type 5 with 9 bytes',
    ],
    [
      'with a label on PING',
      (raw) => raw.record(FrameType.ping, 1, Buffer.alloc(8)),
      'a frame of type 5 with label 1',
    ],
    [
      'with frames longer than it is',
      (raw) => raw.seal(header(FrameType.data, 9), Buffer.alloc(8)),
      'frames of 9 bytes in a record with 8',
    ],
    [
      'with bytes in no frame',
      (raw) => raw.seal(header(FrameType.data, 7), Buffer.alloc(8)),
      'frames of 7 bytes in a record with 8',
    ],
    [
      'with SWITCH and no handshake',
      (raw) => raw.record(FrameType.switch, 0, nothing),
      'SWITCH without a handshake',
    ],
    [
      'with a REKEY of another length',
      (raw) => raw.record(FrameType.rekey, 0, Buffer.of(0, 3, 1, 2)),
      'a REKEY frame of another length',
    ],
    [
      'that came before',
      (raw) => {
        const once = raw.record(FrameType.down, 1, nothing);
        return Buffer.concat([once, once]);
      },
      'a record that was changed on its way',
    ],
  ])('%s', async (_, make, said) => {
    const [link, raw] = await linkAndRaw();
    const gone = closed(raw.socket.resume());
    raw.socket.write(make(raw));
    expect(await link.closed).toBe(`${link.remote} sent ${said}`);
    await gone;
  });
});

it('acts on no frame of a record in which one makes no sense', async () => {
  const [link, raw] = await linkAndRaw();
  const got: number[] = [];
  link.on('frame', (type) => got.push(type));
  const headers = Buffer.alloc(16);
  headers.writeUInt8(FrameType.down, 0);
  headers.writeUInt8(77, 8);
  raw.socket.write(raw.seal(headers, nothing));
  expect(await link.closed).toBe(`${link.remote} sent a frame of type 77, which does not exist`);
  expect(got).toEqual([]);
});

it('is over without a frame when the connection ends within a record', async () => {
  const [link, raw] = await linkAndRaw();
  const got: number[] = [];
  link.on('frame', (type) => got.push(type));
  const record = raw.record(FrameType.data, 1, Buffer.alloc(5000));
  raw.socket.end(record.subarray(0, -1));
  expect(await link.closed).toBe(`${link.remote} closed the link`);
  expect(got).toEqual([]);
});

it('takes a record that comes byte by byte', async () => {
  const [link, raw] = await linkAndRaw();
  const arrived = frames(link, 2);
  const bytes = Buffer.concat([
    raw.record(FrameType.data, 1, Buffer.from('one')),
    raw.record(FrameType.down, 2, nothing),
  ]);
  for (const byte of bytes) await new Promise((done) => raw.socket.write(Buffer.of(byte), done));
  expect((await arrived).map(({ label }) => label)).toEqual([1, 2]);
  link.close('enough');
});

it('cuts off a neighbour that never reads and asks for answers', async () => {
  const [link, raw] = await linkAndRaw();
  const headers = Buffer.alloc(255 * 8);
  for (let at = 0; at < headers.length; at += 8) headers.writeUInt32BE(FrameType.ping * 2 ** 24 + 8, at);
  let over = false;
  void link.closed.then(() => {
    over = true;
  });
  while (!over) await new Promise((done) => raw.socket.write(raw.seal(headers, Buffer.alloc(255 * 8)), done));
  expect(await link.closed).toMatch(new RegExp(`^${link.remote} does not read: [0-9]+ bytes wait$`));
});

it('cuts off a neighbour that never reads, whoever goes on sending', async () => {
  const [link] = await linkAndRaw();
  let over = false;
  void link.closed.then(() => {
    over = true;
  });
  while (!over) {
    link.send(FrameType.data, 1, [Buffer.alloc(66_000)]);
    await new Promise(setImmediate);
    expect(link.backlog).toBeLessThan(5 * 1024 * 1024);
  }
  expect(await link.closed).toContain('does not read');
});
