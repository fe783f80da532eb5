import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { expect, it } from 'vitest';
import { Identity } from '../../../../services/net/keys.ts';
import { MAX_FRAME_BYTES } from '../../../../services/net/link/frames.ts';
import { FrameType, Link } from '../../../../services/net/link/link.ts';
import { acceptSession, connectSession } from '../../../../services/net/session/stream.ts';
import { tcp } from '../../../../services/net/transport/tcp.ts';
import { webSocket } from '../../../../services/net/transport/websocket.ts';
import { closed, socketPair } from '../sockets.ts';
import { closeAll, frames, linkAndRaw, linkPair, sessionPair } from './support.ts';

it('carries frames of all sizes in order, in both directions', async () => {
  const ends = await linkPair();
  const sizes = [0, 1, 100, 1400, 5000, 65_536, MAX_FRAME_BYTES, 3, MAX_FRAME_BYTES, MAX_FRAME_BYTES];
  const payloads = sizes.map((size) => randomBytes(size));
  for (const [from, to] of [ends, [ends[1], ends[0]] as const]) {
    const arrived = frames(to, payloads.length);
    payloads.forEach((payload, label) => {
      from.send(FrameType.data, label, [payload.subarray(0, 50), payload.subarray(50)]);
    });
    const got = await arrived;
    expect(got.map(({ label }) => label)).toEqual([...payloads.keys()]);
    for (const { label, payload } of got) expect(payload.equals(payloads[label] ?? Buffer.of())).toBe(true);
  }
  await closeAll(...ends);
});

it.each([tcp, webSocket])('is a link over each transport: $scheme', async (transport) => {
  const [ours, theirs] = [Identity.generate(), Identity.generate()];
  const options = { purpose: 'link', accept: () => true } as const;
  const { promise: accepted, resolve } = Promise.withResolvers<Duplex>();
  const listener = await transport.listen('127.0.0.1:0', resolve);
  const stream = await transport.dial(listener.address);
  const other = await accepted;
  const [session, otherSession] = await Promise.all([
    connectSession(stream, { ...options, identity: ours }),
    acceptSession(other, { ...options, identity: theirs }),
  ]);
  const ends = [new Link(stream, session), new Link(other, otherSession)] as const;
  expect(ends.map(({ remote }) => remote)).toEqual([theirs.publicKey, ours.publicKey]);
  for (const [from, to] of [ends, [ends[1], ends[0]] as const]) {
    const arrived = frames(to, 100);
    for (let label = 0; label < 100; label++)
      from.send(FrameType.data, label, [Buffer.alloc(label * 50, label)]);
    (await arrived).forEach(({ payload }, label) => {
      expect(payload.equals(Buffer.alloc(label * 50, label))).toBe(true);
    });
  }
  await closeAll(...ends);
  await listener.close();
});

it('delivers every kind of frame with its label', async () => {
  const ends = await linkPair();
  const arrived = frames(ends[1], 4);
  ends[0].send(FrameType.data, 0xffffffff, [Buffer.from('data')]);
  ends[0].send(FrameType.credit, 1, [Buffer.of(0, 0, 1, 0)]);
  ends[0].send(FrameType.datagram, 2, [Buffer.from('note')]);
  ends[0].send(FrameType.down, 3, []);
  expect(await arrived).toEqual([
    { type: FrameType.data, label: 0xffffffff, payload: Buffer.from('data') },
    { type: FrameType.credit, label: 1, payload: Buffer.of(0, 0, 1, 0) },
    { type: FrameType.datagram, label: 2, payload: Buffer.from('note') },
    { type: FrameType.down, label: 3, payload: Buffer.of() },
  ]);
  await closeAll(...ends);
});

it('delivers ten thousand small frames, each once', async () => {
  const ends = await linkPair();
  const arrived = frames(ends[1], 10_000);
  for (let label = 0; label < 10_000; label++)
    ends[0].send(FrameType.data, label, [randomBytes(label % 300)]);
  const got = await arrived;
  got.forEach(({ label, payload }, index) => {
    expect(label).toBe(index);
    expect(payload).toHaveLength(index % 300);
  });
  expect(ends[1].figures.received).toBe(ends[0].figures.sent);
  await closeAll(...ends);
});

it('puts the frames that are sent together into one record', async () => {
  const [link, raw] = await linkAndRaw();
  for (let label = 0; label < 46; label++) link.send(FrameType.data, label, [Buffer.alloc(1400)]);
  const [first] = (await once(raw.socket, 'data')) as [Buffer];
  expect(first.readUInt8()).toBe(46);
  expect(first.readUIntBE(1, 3)).toBe(46 * 1400);
  await closeAll(link);
});

it('sends what was given to it before it is closed, and says who closed it', async () => {
  const ends = await linkPair();
  const arrived = frames(ends[1], 1);
  ends[0].send(FrameType.data, 1, [Buffer.from('last')]);
  ends[0].close('enough');
  ends[0].send(FrameType.data, 1, [Buffer.from('too late')]);
  expect((await arrived)[0]?.payload.toString()).toBe('last');
  expect(await ends[0].closed).toBe('enough');
  expect(await ends[1].closed).toBe(`${ends[1].remote} closed the link`);
});

it('delivers nothing after it was closed, though it lies in the same record', async () => {
  const [link, raw] = await linkAndRaw();
  const got: number[] = [];
  link.on('frame', (_, label) => {
    got.push(label);
    link.close('one is enough');
  });
  const headers = Buffer.concat([header(FrameType.down, 0, 1), header(FrameType.down, 0, 2)]);
  raw.socket.write(raw.seal(headers, Buffer.of()));
  expect(await link.closed).toBe('one is enough');
  await closed(raw.socket.resume());
  expect(got).toEqual([1]);
});

it('says when a connection breaks', async () => {
  const [link, raw] = await linkAndRaw();
  raw.socket.resetAndDestroy();
  expect(await link.closed).toBe(`the connection with ${link.remote} broke: read ECONNRESET`);
});

it('is over at once on a stream that is gone', async () => {
  const [[stream, other], [session]] = [await socketPair(), sessionPair()];
  other.destroy();
  stream.destroy();
  const link = new Link(stream, session);
  expect(await link.closed).toBe(`the connection with ${link.remote} was closed`);
  link.send(FrameType.data, 1, [Buffer.alloc(9)]);
  link.close('again');
  expect(link.backlog).toBe(0);
});

it('tells its sender to wait, and when to go on', async () => {
  const [link, raw] = await linkAndRaw();
  const payload = Buffer.alloc(65_536);
  while (link.backlog < 512 * 1024) link.send(FrameType.data, 1, [payload]);
  const drained = once(link, 'drain');
  raw.socket.resume();
  await drained;
  expect(link.backlog).toBeLessThan(256 * 1024);
  await closeAll(link);
});

it('drops datagrams for a neighbour that does not read', async () => {
  const [link, raw] = await linkAndRaw();
  for (let count = 0; count < 20_000; count++) link.send(FrameType.datagram, 1, [Buffer.alloc(1400)]);
  expect(link.backlog).toBeLessThan(256 * 1024 + 2 * 66_000);
  raw.read();
  link.send(FrameType.down, 7, []);
  expect((await raw.frame(FrameType.down)).label).toBe(7);
  await closeAll(link);
});

function header(type: number, bytes: number, label: number): Buffer {
  const it = Buffer.alloc(8);
  it.writeUInt32BE(type * 2 ** 24 + bytes);
  it.writeUInt32BE(label, 4);
  return it;
}
