import { once } from 'node:events';
import type { Socket } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { SocketChannel } from '../../../../services/mesh/channel.ts';
import { readLine } from '../../../../services/mesh/line.ts';
import type { MeshChannel, MeshStream } from '../../../../services/mesh/types.ts';
import { parseIp } from '../../../../services/net/ip.ts';
import { parsePublicKey } from '../../../../services/net/keys.ts';
import { encodeTrains } from '../../../../services/vpn/datagram.ts';
import { formatHello, parseOffer } from '../../../../services/vpn/hello.ts';
import { parseNetworks } from '../../../../services/vpn/networks.ts';
import { Pool } from '../../../../services/vpn/pool.ts';
import { Leases } from '../../../../services/vpn/server/leases.ts';
import { VpnServer } from '../../../../services/vpn/server/server.ts';
import { Queue, socketPair } from '../../signal/support.ts';
import { ipv4Packet, ipv6Packet } from '../packets.ts';
import { packetsInRow } from '../tcp-packets.ts';

const keyOf = (digits: string) => parsePublicKey(digits.repeat(32));

function startServer({ clientToClient = false, places = 255 } = {}) {
  const toKernel = new Queue<Buffer>();
  const server = new VpnServer({
    pools: parseNetworks('10.99.0.0/24, fd00::/64').map((network) => new Pool(network)),
    leases: new Leases(places),
    routes: parseNetworks('0.0.0.0/0'),
    dns: [],
    mtu: 1_400,
    clientToClient,
    toKernel: ({ packet }) => toKernel.push(packet),
  });
  onTestFinished(() => server.stop());
  return { server, toKernel };
}

/** The client's end of a stream that the server has been given. */
async function openStream(
  server: VpnServer,
  node: string,
): Promise<{ stream: Socket; served: Promise<void> }> {
  const [near, far] = await socketPair();
  const stream: MeshStream = Object.assign(far, { remote: { node: keyOf(node), app: 'client' } });
  return { stream: near, served: server.onStream(stream) };
}

async function openChannel(server: VpnServer, node: string, maxBytes = 1_391): Promise<MeshChannel> {
  const remote = { node: keyOf(node), app: 'client' };
  const [near, far] = await socketPair();
  const options = { remote, maxBytes, onClose: () => undefined };
  const channel = new SocketChannel(near, options);
  server.onChannel(new SocketChannel(far, options));
  return channel;
}

/** A client with its stream, its channel and what comes on it. */
async function join(server: VpnServer, node: string, trains = false, maxBytes = 1_391) {
  const { stream } = await openStream(server, node);
  stream.write(formatHello({ trains }));
  const offer = parseOffer((await readLine(stream, { timeoutMs: 5_000 })).text);
  const channel = await openChannel(server, node, maxBytes);
  const packets = new Queue<Buffer>();
  channel.on('message', (packet) => packets.push(packet));
  return { stream, offer, channel, packets };
}

const asTrains = (packets: readonly Buffer[]) => packets.map((packet) => ({ packet, segment: 0 }));

const answerTo = async (stream: Socket) => (await readLine(stream, { timeoutMs: 5_000 })).text;

describe('a hello', () => {
  it('gets an offer, and the channel behind it carries packets both ways', async () => {
    const { server, toKernel } = startServer();
    const { channel, packets } = await join(server, 'aa');
    const out = ipv4Packet('10.99.0.2', '192.0.2.1', 8);
    channel.send([out]);
    expect(await toKernel.next()).toEqual(out);
    const back = [ipv4Packet('192.0.2.1', '10.99.0.2', 8), ipv6Packet('2001:db8::1', 'fd00::2', 8)];
    server.fromKernel(asTrains([ipv4Packet('192.0.2.1', '10.99.0.77', 8), ...back]));
    expect([await packets.next(), await packets.next()]).toEqual(back);
  });

  it.each([
    'GET / HTTP/1.1\r\n',
    '{"vpn":2}\n',
    '[]\n',
    '\xff\xfe\n',
    `${'x'.repeat(5_000)}\n`,
    `{"vpn":1${' '.repeat(9_000)}`,
  ])('that is %j is refused, and harms nobody else', async (garbage) => {
    const { server, toKernel } = startServer();
    const { channel } = await join(server, 'aa');
    const { stream, served } = await openStream(server, 'bb');
    stream.write(Buffer.from(garbage, 'latin1'));
    expect(await answerTo(stream)).toContain('the hello is not understood');
    await served;
    expect(server.clients).toBe(1);
    channel.send([ipv4Packet('10.99.0.2', '192.0.2.1', 8)]);
    await toKernel.next();
  });

  it('that is cut off, or comes with others by the dozen, leaves nothing behind', async () => {
    const { server } = startServer();
    const { stream, served } = await openStream(server, 'aa');
    stream.destroy();
    await served;
    const many = await Promise.all(Array.from({ length: 64 }, () => openStream(server, 'bb')));
    const { stream: tooMany } = await openStream(server, 'cc');
    expect(await answerTo(tooMany)).toContain('too many clients greet');
    for (const each of many) each.stream.destroy();
    await Promise.all(many.map((each) => each.served));
    await join(server, 'cc');
    expect(server.clients).toBe(1);
  });

  it('of the same node again takes the place of the first; of one too many is refused', async () => {
    const { server } = startServer({ places: 3 });
    const first = await join(server, 'aa');
    const ended = once(first.stream, 'close');
    const again = await join(server, 'aa');
    await ended;
    expect(again.offer.addresses).toEqual(first.offer.addresses);
    const { stream } = await openStream(server, 'bb');
    stream.write(formatHello({ trains: false }));
    expect(await answerTo(stream)).toContain('all addresses are in use');
    expect(server.clients).toBe(1);
  });

  it('comes before the channel, and the channel must take packets of IPv6', async () => {
    const { server } = startServer();
    const early = await openChannel(server, 'aa');
    await once(early, 'close');
    const { stream } = await openStream(server, 'aa');
    stream.write(formatHello({ trains: false }));
    await answerTo(stream);
    const small = await openChannel(server, 'aa', 1_279);
    await once(small, 'close');
  });

  it('with a channel that takes less than the MTU lowers it for everybody', async () => {
    const { server } = startServer();
    const lowered = once(server, 'mtu');
    await join(server, 'aa');
    expect(await lowered).toEqual([1_391]);
    expect((await join(server, 'bb')).offer.mtu).toBe(1_391);
  });
});

describe('trains', () => {
  const tcp = (address: string) => {
    const [packet = Buffer.alloc(0)] = packetsInRow(4, 1, new Uint8Array(), Buffer.alloc(5_000), 5_000);
    packet.set(parseIp(address) ?? [], 12);
    packet.set(parseIp('192.0.2.1') ?? [], 16);
    return { packet, segment: 1_000 };
  };

  it('are agreed with a client that takes them, and with no other', async () => {
    const { server } = startServer();
    expect((await join(server, 'aa', true)).offer.trains).toBe(true);
    expect((await join(server, 'bb')).offer.trains).toBe(false);
  });

  it('of a client go nowhere from another address than its own', async () => {
    const { server, toKernel } = startServer();
    const { channel } = await join(server, 'aa', true, 65_000);
    const good = tcp('10.99.0.2');
    channel.send([encodeTrains(0, [tcp('10.99.0.3'), tcp('192.0.2.7'), good])]);
    expect(await toKernel.next()).toEqual(good.packet);
    expect(server.refusals).toEqual({ malformed: 0, spoofed: 2, isolated: 0 });
  });

  it('that cannot be cut are refused', async () => {
    const { server, toKernel } = startServer();
    const { channel } = await join(server, 'aa', true, 65_000);
    const good = ipv4Packet('10.99.0.2', '192.0.2.1', 8);
    channel.send([encodeTrains(0, [{ ...tcp('10.99.0.2'), segment: 1 }]), good]);
    expect(await toKernel.next()).toEqual(good);
    expect(server.refusals).toEqual({ malformed: 1, spoofed: 0, isolated: 0 });
  });

  it('with packets longer than the tunnel takes are dropped', async () => {
    const { server } = startServer();
    const { packets } = await join(server, 'aa');
    const long = { packet: tcp('192.0.2.1').packet, segment: 2_000 };
    long.packet.set(parseIp('10.99.0.2') ?? [], 16);
    const last = ipv4Packet('192.0.2.1', '10.99.0.2', 8);
    server.fromKernel([long, { packet: last, segment: 0 }]);
    expect(await packets.next()).toEqual(last);
  });
});

describe('packets of a client', () => {
  it('reach other clients only when they are let together', async () => {
    for (const clientToClient of [false, true]) {
      const { server } = startServer({ clientToClient });
      const [one, other] = [await join(server, 'aa'), await join(server, 'bb')];
      const packet = ipv4Packet('10.99.0.2', '10.99.0.3', 8);
      const last = ipv4Packet('192.0.2.1', '10.99.0.3', 8);
      one.channel.send([
        packet,
        ipv4Packet('10.99.0.2', '10.99.0.255', 8),
        ipv4Packet('10.99.0.2', '10.99.0.9', 8),
      ]);
      while (server.refusals.isolated < (clientToClient ? 1 : 2)) await new Promise(setImmediate);
      server.fromKernel(asTrains([last]));
      expect(await other.packets.next()).toEqual(clientToClient ? packet : last);
    }
  });

  it('go nowhere from other addresses than its own, or when they are no packets', async () => {
    const { server, toKernel } = startServer();
    const { channel } = await join(server, 'aa');
    const spoofing = once(server, 'spoofing');
    const good = ipv4Packet('10.99.0.2', '192.0.2.1', 8);
    channel.send([
      ipv4Packet('10.99.0.3', '192.0.2.1', 8),
      ipv4Packet('192.0.2.1', '192.0.2.2', 8),
      ipv4Packet('0.0.0.0', '192.0.2.2', 8),
      ipv6Packet('fd00::1', '2001:db8::1', 8),
      Buffer.from('no packet'),
      Buffer.alloc(0),
      good,
    ]);
    expect(await toKernel.next()).toEqual(good);
    expect(await spoofing).toEqual([keyOf('aa')]);
    expect(server.refusals).toEqual({ malformed: 2, spoofed: 4, isolated: 0 });
  });

  it('can be anything, and only its own get through', async () => {
    const { server, toKernel } = startServer();
    const { channel } = await join(server, 'aa');
    const source = fc.constantFrom('10.99.0.2', '10.99.0.3', '192.0.2.7');
    const packets = fc.array(
      fc.tuple(source, fc.uint8Array({ minLength: 0, maxLength: 40, size: 'max' }), fc.boolean()),
      { minLength: 1_000, maxLength: 1_000, size: 'max' },
    );
    await fc.assert(
      fc.asyncProperty(packets, async (batch) => {
        const mark = ipv4Packet('10.99.0.2', '192.0.2.99', 8);
        channel.send(
          batch.map(([from, bytes, cut]) => {
            const packet = Buffer.concat([
              ipv4Packet(from, '192.0.2.1', bytes.length).subarray(0, 20),
              bytes,
            ]);
            return cut ? packet.subarray(bytes.length) : packet;
          }),
        );
        channel.send([mark]);
        for (;;) {
          const packet = await toKernel.next();
          expect(packet.subarray(12, 16)).toEqual(mark.subarray(12, 16));
          if (packet.equals(mark)) return;
        }
      }),
      { numRuns: 100 },
    );
  });
});
