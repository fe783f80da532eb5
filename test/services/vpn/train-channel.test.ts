import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { SocketChannel } from '../../../services/mesh/channel.ts';
import type { MeshChannel } from '../../../services/mesh/types.ts';
import { parsePublicKey } from '../../../services/net/keys.ts';
import { encodeTrains, LEAST_TRAINS_BYTES } from '../../../services/vpn/datagram.ts';
import type { Train } from '../../../services/vpn/train.ts';
import { TrainChannel } from '../../../services/vpn/train-channel.ts';
import { packetsOf, trainOf } from '../../../services/vpn/tun/segment.ts';
import { readVirtio, VIRTIO_BYTES } from '../../../services/vpn/tun/virtio.ts';
import { Queue, socketPair } from '../signal/support.ts';
import { ipv4Packet } from './packets.ts';
import { ACK, PSH, packetsInRow, tcpChecksum, tcpPacket, written as writtenOf } from './tcp-packets.ts';

const remote = { node: parsePublicKey('aa'.repeat(32)), app: 'vpn' };
const none = new Uint8Array();

async function channelPair(maxBytes = 65_000): Promise<[MeshChannel, MeshChannel]> {
  const channelOf = (socket: Socket) =>
    new SocketChannel(socket, { remote, maxBytes, onClose: () => undefined });
  const [near, far] = await socketPair();
  return [channelOf(near), channelOf(far)];
}

/** Both ends of a tunnel's channel, and what came to the far one: as it came, and as what. */
async function startEnds(takesTrains: { near: boolean; far: boolean }, maxBytes?: number) {
  const [nearChannel, farChannel] = await channelPair(maxBytes);
  const datagrams: Buffer[] = [];
  farChannel.on('message', (datagram) => datagrams.push(datagram));
  const came = new Queue<Train>();
  let malformed = 0;
  const near = new TrainChannel(nearChannel, takesTrains.near, {
    onTrain: () => undefined,
    onMalformed: () => undefined,
  });
  new TrainChannel(farChannel, takesTrains.far, {
    onTrain: (train) => came.push(train),
    onMalformed: () => malformed++,
  });
  return { near, nearChannel, datagrams, came, malformed: () => malformed };
}

type Ends = Awaited<ReturnType<typeof startEnds>>;

/** Sends packets until trains may go, as the answers of the other end have it. */
async function prove({ near, came, datagrams }: Ends): Promise<void> {
  const packet = ipv4Packet('10.0.0.9', '10.0.0.8', 8);
  for (let round = 0; round < 40; round++) {
    near.send(Array.from({ length: 64 }, () => ({ packet, segment: 0 })));
    for (let at = 0; at < 64; at++) await came.next();
  }
  datagrams.length = 0;
}

function train(payload: number, port?: number): { whole: Train; packets: Buffer[] } {
  const packets = packetsInRow(4, 100, none, Buffer.alloc(payload, 'sky'), 1_348);
  if (port !== undefined) {
    for (const packet of packets) {
      packet.writeUInt16BE(port, 20);
      packet.writeUInt16BE(0, 36);
      packet.writeUInt16BE(tcpChecksum(packet, 4), 36);
    }
  }
  const [written = Buffer.alloc(0)] = writtenOf(packets.map((packet) => ({ packet, segment: 0 })));
  const whole = trainOf(readVirtio(written), Buffer.from(written.subarray(VIRTIO_BYTES)));
  if (whole === undefined) throw new Error('no train');
  return { whole, packets };
}

async function next(came: Queue<Train>, count: number): Promise<Train[]> {
  const all: Train[] = [];
  while (all.length < count) all.push(await came.next());
  return all;
}

describe('the channel of a tunnel', () => {
  it.each([
    ['it is new', { near: true, far: true }, 65_000],
    ['the other end takes none', { near: false, far: true }, 65_000],
    ['datagrams are too short for them', { near: true, far: true }, 1_400],
  ])('cuts trains while %s', async (_, takesTrains, maxBytes) => {
    const ends = await startEnds(takesTrains, maxBytes);
    const { whole, packets } = train(20_000);
    ends.near.send([whole]);
    expect((await next(ends.came, packets.length)).map(({ packet }) => packet)).toEqual(packets);
    expect(ends.datagrams).toEqual(packets);
  });

  it('carries trains whole once it is known that nothing gets lost', async () => {
    const ends = await startEnds({ near: true, far: true });
    await prove(ends);
    const { whole, packets } = train(60_000);
    ends.near.send([whole]);
    const came = await next(ends.came, 1);
    expect(came).toEqual([whole]);
    expect(came.flatMap(packetsOf)).toEqual(packets);
  });

  it('cuts a train into shorter ones where it is longer than a datagram', async () => {
    const ends = await startEnds({ near: true, far: true }, 30_000);
    await prove(ends);
    const { whole, packets } = train(60_000);
    ends.near.send([whole]);
    const came = await next(ends.came, 3);
    // The last packet is left over.
    expect(came.map(({ segment }) => segment)).toEqual([1_348, 1_348, 0]);
    expect(came.flatMap(packetsOf)).toEqual(packets);
    for (const { length } of ends.datagrams) expect(length).toBeLessThanOrEqual(30_000);
  });

  it('keeps packets behind the trains of their connection, and lets others and acknowledgements go ahead', async () => {
    const ends = await startEnds({ near: true, far: true });
    await prove(ends);
    const { whole } = train(50_000);
    const data = tcpPacket({
      family: 4,
      sequence: 50_100,
      flags: ACK | PSH,
      options: none,
      payload: Buffer.from('x'),
    });
    const acknowledgement = tcpPacket({ family: 4, sequence: 1, flags: ACK, options: none, payload: none });
    const other = tcpPacket({
      family: 4,
      sequence: 1,
      flags: ACK,
      options: none,
      payload: Buffer.from('y'),
      port: 9,
    });
    const small = [data, acknowledgement, other].map((packet) => ({ packet, segment: 0 }));
    ends.near.send([whole, ...small]);
    // The next one has no train beside it, and yet must not go where it would overtake.
    ends.near.send([{ packet: data, segment: 0 }]);
    expect(await next(ends.came, 5)).toEqual([small[1], small[2], whole, small[0], small[0]]);
    expect(ends.datagrams.at(-1)?.length).toBe(LEAST_TRAINS_BYTES);
  });

  it('carries several trains in one datagram', async () => {
    const ends = await startEnds({ near: true, far: true });
    await prove(ends);
    const trains = [train(9_000, 1), train(9_000, 2), train(9_000, 3)].map(({ whole }) => whole);
    ends.near.send(trains);
    expect(await next(ends.came, 3)).toEqual(trains);
    expect(ends.datagrams.filter(({ length }) => length > LEAST_TRAINS_BYTES).length).toBe(1);
  });

  it('takes no trains from an end with which none were agreed', async () => {
    const ends = await startEnds({ near: true, far: false });
    const good = { packet: ipv4Packet('10.0.0.9', '10.0.0.8', 8), segment: 0 };
    ends.nearChannel.send([encodeTrains(0, [train(9_000).whole]), good.packet]);
    expect(await next(ends.came, 1)).toEqual([good]);
    expect(ends.malformed()).toBe(1);
  });

  it('takes of a datagram all or nothing', async () => {
    const ends = await startEnds({ near: true, far: true });
    const { whole } = train(9_000);
    const forged = { packet: whole.packet, segment: 100 };
    const good = { packet: ipv4Packet('10.0.0.9', '10.0.0.8', 8), segment: 0 };
    ends.nearChannel.send([encodeTrains(0, [whole, forged]), good.packet]);
    expect(await next(ends.came, 1)).toEqual([good]);
    expect(ends.malformed()).toBe(1);
  });
});
