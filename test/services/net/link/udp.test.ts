import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, expect, it } from 'vitest';
import { FrameType, type Link } from '../../../../services/net/link/link.ts';
import { openPacket, type Packet, sealPacket } from '../../../../services/net/link/udp-packet.ts';
import { UdpPort } from '../../../../services/net/link/udp-port.ts';
import { TransportError } from '../../../../services/net/transport/transport.ts';
import { closeAll, eventually, frames, linkAndRaw, linkPair, type RawEnd } from './support.ts';

const open: { close(): void }[] = [];

afterEach(() => {
  for (const each of open.splice(0)) each.close();
});

async function port(): Promise<UdpPort> {
  const udp = await UdpPort.bind('127.0.0.1', 0);
  open.push(udp);
  return udp;
}

/** A link, and an end of its connection and of its datagrams that does what a test wants. */
class RawUdp {
  readonly raw: RawEnd;
  readonly socket: Socket;
  readonly link: { port: number; number: number };
  readonly packets: Packet[] = [];
  counter = 0;

  constructor(raw: RawEnd, socket: Socket, announced: Buffer) {
    this.raw = raw;
    this.socket = socket;
    this.link = { port: announced.readUInt16BE(), number: announced.readUInt32BE(2) };
    socket.on('message', (bytes) => {
      const packet = openPacket(raw.session.receive, bytes);
      expect(packet).toBeDefined();
      expect(bytes.readUInt32BE()).toBe(4711);
      if (packet === undefined) return;
      this.packets.push(packet);
      if (packet.type === FrameType.ping) this.send(this.packet(FrameType.pong, 0, packet.payload));
    });
  }

  packet(type: number, label: number, payload: Buffer, counter = this.counter++): Buffer {
    const to = { number: this.link.number, counter };
    return sealPacket(this.raw.session.send, to, { type, label }, [payload], payload.length);
  }

  send(packet: Buffer): void {
    this.socket.send(packet, this.link.port, '127.0.0.1');
  }

  datagram(text: string, counter?: number): Buffer {
    return this.packet(FrameType.datagram, 3, Buffer.from(text), counter);
  }
}

async function linkAndRawUdp(): Promise<[Link, RawUdp]> {
  const [link, raw] = await linkAndRaw({ udp: await port(), pingMs: 50 });
  const alive = setInterval(() => raw.socket.write(raw.record(FrameType.ping, 0, Buffer.alloc(8))), 50);
  void link.closed.then(() => clearInterval(alive));
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  open.push(socket);
  await once(socket, 'listening');
  const { payload } = await raw.read().frame(FrameType.udp);
  const announcement = Buffer.alloc(6);
  announcement.writeUInt16BE(socket.address().port);
  announcement.writeUInt32BE(4711, 2);
  const end = new RawUdp(raw, socket, payload);
  raw.socket.write(raw.record(FrameType.udp, 0, announcement));
  await eventually(() => expect(link.udpPasses).toBe(true));
  return [link, end];
}

it('sends datagrams over UDP once they pass, and measures the way there', async () => {
  const [link, end] = await linkAndRawUdp();
  link.send(FrameType.datagram, 8, [Buffer.from('over '), Buffer.from('UDP')]);
  await eventually(() => expect(end.packets.some(({ label }) => label === 8)).toBe(true));
  expect(end.packets.find(({ label }) => label === 8)?.payload.toString()).toBe('over UDP');
  expect(end.packets.map(({ counter }) => counter)).toEqual([...end.packets.keys()]);
  expect(link.figures.rtt).toBeGreaterThan(0);
  expect(end.raw.frames.some(({ type }) => type === FrameType.datagram)).toBe(false);
  await closeAll(link);
});

it('sends a datagram that is too long for a packet over the connection', async () => {
  const [link, end] = await linkAndRawUdp();
  link.send(FrameType.datagram, 8, [Buffer.alloc(1500)]);
  expect((await end.raw.frame(FrameType.datagram)).payload).toHaveLength(1500);
  await closeAll(link);
});

it('delivers each packet once: a replayed, an old and a changed one are dropped', async () => {
  const [link, end] = await linkAndRawUdp();
  const got: string[] = [];
  link.on('frame', (_, label, payload) => got.push(`${label} ${payload}`));
  end.counter = 10_000;
  const [one, two] = [end.datagram('one'), end.datagram('two')];
  const changed = end.datagram('changed');
  changed.writeUInt8(changed.readUInt8(changed.length - 1) ^ 1, changed.length - 1);
  const other = end.datagram('to nobody');
  other.writeUInt32BE((end.link.number ^ 1) >>> 0);
  const tooOld = end.datagram('too old', 10_000 - 4096);
  const late = end.datagram('late', 10_000 - 4000);
  for (const packet of [two, one, two, one, changed, other, tooOld, late, late, Buffer.of(1, 2)])
    end.send(packet);
  end.send(end.datagram('last'));
  await eventually(() => expect(got).toContain('3 last'));
  expect(got).toEqual(['3 two', '3 one', '3 late', '3 last']);
  await closeAll(link);
});

it('is not harmed by what others send to its port', async () => {
  const [link, end] = await linkAndRawUdp();
  const number = Buffer.alloc(4);
  number.writeUInt32BE(end.link.number);
  for (let length = 0; length < 200; length++)
    end.send(Buffer.concat([number, Buffer.alloc(length, length)]));
  const arrived = frames(link, 1);
  end.send(end.datagram('fine'));
  expect((await arrived)[0]?.payload.toString()).toBe('fine');
  await closeAll(link);
});

it('goes over to the connection when UDP does not pass any more, and back', async () => {
  const [a, b] = [await port(), await port()];
  const ends = await linkPair({ udp: a, pingMs: 100 }, { udp: b, pingMs: 100 });
  await eventually(() => expect(ends.map(({ udpPasses }) => udpPasses)).toEqual([true, true]));
  b.close();
  await eventually(() => expect(ends.map(({ udpPasses }) => udpPasses)).toEqual([false, false]));
  for (const [from, to] of [ends, [ends[1], ends[0]] as const]) {
    const arrived = frames(to, 1);
    from.send(FrameType.datagram, 1, [Buffer.from('over TCP')]);
    expect((await arrived)[0]?.payload.toString()).toBe('over TCP');
    expect(from.figures.loss).toBe(0);
  }
  await closeAll(...ends);
});

it('carries datagrams over the connection where one end has no UDP', async () => {
  const ends = await linkPair({ udp: await port(), pingMs: 50 }, { pingMs: 50 });
  for (const [from, to] of [ends, [ends[1], ends[0]] as const]) {
    const arrived = frames(to, 1);
    from.send(FrameType.datagram, 1, [Buffer.from('over TCP')]);
    expect((await arrived)[0]?.payload.toString()).toBe('over TCP');
    expect(from.udpPasses).toBe(false);
  }
  await closeAll(...ends);
});

it('goes on over UDP with new keys', async () => {
  const [a, b] = [await port(), await port()];
  let accepted = 0;
  const options = { rekey: { seconds: 0.05 }, pingMs: 20 };
  const accept = () => ++accepted > 0;
  const ends = await linkPair({ udp: a, ...options }, { udp: b, ...options }, accept);
  await eventually(() => expect(ends.map(({ udpPasses }) => udpPasses)).toEqual([true, true]));
  const labels: number[] = [];
  ends[1].on('frame', (_, label) => labels.push(label));
  let sent = 0;
  await eventually(() => {
    ends[0].send(FrameType.datagram, sent++, [Buffer.alloc(100)]);
    expect(accepted).toBeGreaterThan(20);
    expect(labels.length).toBeGreaterThan(20);
  });
  expect(ends.map(({ udpPasses }) => udpPasses)).toEqual([true, true]);
  expect(new Set(labels).size).toBe(labels.length);
  await closeAll(...ends);
});

it('shares one port between many links', async () => {
  const [a, b] = [await port(), await port()];
  const pairs = await Promise.all(
    Array.from({ length: 20 }, () => linkPair({ udp: a, pingMs: 100 }, { udp: b, pingMs: 100 })),
  );
  await eventually(() => expect(pairs.flat().every(({ udpPasses }) => udpPasses)).toBe(true));
  await Promise.all(
    pairs.map(async ([from, to], label) => {
      const arrived = frames(to, 1);
      from.send(FrameType.datagram, label, [Buffer.from(`to ${label}`)]);
      expect((await arrived)[0]).toEqual({
        ...{ type: FrameType.datagram, label },
        payload: Buffer.from(`to ${label}`),
      });
    }),
  );
  await closeAll(...pairs.flat());
});

it('ends a link whose neighbour names port 0', async () => {
  const [link, raw] = await linkAndRaw({ udp: await port() });
  raw.socket.resume().write(raw.record(FrameType.udp, 0, Buffer.alloc(6)));
  expect(await link.closed).toBe(`${link.remote} sent a UDP frame with port 0`);
});

it('says when the port is in use, or the address is not one of this machine', async () => {
  const used = await port();
  await expect(UdpPort.bind('127.0.0.1', used.port)).rejects.toThrow(
    new TransportError(`127.0.0.1:${used.port}`, 'the address is in use already'),
  );
  await expect(UdpPort.bind('192.0.2.1', 0)).rejects.toThrow(/not one of this machine/);
});

it('binds to a name', async () => {
  const named = await UdpPort.bind('localhost', 0);
  open.push(named);
  expect(named.port).toBeGreaterThan(0);
});

it('reaches IPv4 from a port of IPv6', async () => {
  const both = await UdpPort.bind('::', 0);
  open.push(both);
  const ends = await linkPair({ udp: both, pingMs: 50 }, { udp: await port(), pingMs: 50 });
  await eventually(() => expect(ends.map(({ udpPasses }) => udpPasses)).toEqual([true, true]));
  await closeAll(...ends);
});
