import { EventEmitter } from 'node:events';
import { readLine } from '../../mesh/line.ts';
import type { MeshChannel, MeshStream } from '../../mesh/types.ts';
import type { IpBytes, Network } from '../../net/ip.ts';
import type { PublicKey } from '../../net/keys.ts';
import { formatOffer, formatRefusal, type Hello, type Offer, parseHello } from '../hello.ts';
import type { Family } from '../networks.ts';
import { DESTINATION_AT, familyOf } from '../packet.ts';
import { type Pool, SERVER_PLACE } from '../pool.ts';
import { LEAST_MTU } from '../system/interface.ts';
import { sizeOf, type Train } from '../train.ts';
import type { Leases } from './leases.ts';
import { type Refusals, Session, type Ways } from './session.ts';

export interface VpnServerOptions {
  /** At most one of each family. */
  pools: readonly Pool[];
  leases: Leases;
  /** What clients are told to reach through this server. */
  routes: readonly Network[];
  dns: readonly IpBytes[];
  mtu: number;
  /** Let clients speak to each other. */
  clientToClient: boolean;
  /** Hands what is of a client to the kernel. */
  toKernel(train: Train): void;
}

/** Milliseconds in which a client says hello, and after that opens its channel. */
const GREETING_MS = 10_000;
/** Clients that greet at the same time. */
const MOST_GREETING = 64;

/** Serves the clients of a tunnel: who has which address, and where each packet goes. Owns the streams and channels it is given. */
export class VpnServer extends EventEmitter<{
  joined: [node: PublicKey, addresses: Network[]];
  left: [node: PublicKey];
  /** A client has sent a packet from an address that is not its own; told once a session. */
  spoofing: [node: PublicKey];
  /** The channels take no more than this, in bytes: the interface must not have a greater MTU. */
  mtu: [bytes: number];
  /** A node has a place that it had not: the leases should be kept. */
  leased: [];
  /** More can be sent. */
  drain: [];
}> {
  readonly refusals: Refusals = { malformed: 0, spoofed: 0, isolated: 0 };
  /** What went through the kernel: to the clients, and from them. */
  readonly figures = { sentPackets: 0, sentBytes: 0, receivedPackets: 0, receivedBytes: 0 };
  readonly #options: VpnServerOptions;
  readonly #pools: ReadonlyMap<Family, Pool>;
  readonly #sessions = new Map<number, Session>();
  readonly #ways: Ways;
  #mtu: number;
  #greeting = 0;

  constructor(options: VpnServerOptions) {
    super();
    this.#options = options;
    this.#mtu = options.mtu;
    this.#pools = new Map(options.pools.map((pool) => [pool.family, pool]));
    this.#ways = {
      placeOf: (family, packet, offset) => this.#pools.get(family)?.placeOf(packet, offset),
      hasPool: (family) => this.#pools.has(family),
      toKernel: (train) => this.#toKernel(train),
      onSpoofing: ({ stream }) => this.emit('spoofing', stream.remote.node),
      toClient: (place, train) => this.#toClient(place, train),
      onDrain: () => this.emit('drain'),
    };
  }

  get clients(): number {
    return this.#sessions.size;
  }

  /** A node wants to be a client. Ends well for both or ends the stream; never rejects. */
  async onStream(stream: MeshStream): Promise<void> {
    stream.once('error', () => stream.destroy());
    if (this.#greeting >= MOST_GREETING) {
      stream.end(formatRefusal('too many clients greet at once; try again'));
      return;
    }
    this.#greeting++;
    try {
      const { text } = await readLine(stream, { timeoutMs: GREETING_MS });
      this.#admit(stream, parseHello(text));
    } catch (error) {
      stream.end(
        formatRefusal(`the hello is not understood: ${error instanceof Error ? error.message : error}`),
      );
      stream.resume();
    } finally {
      this.#greeting--;
    }
  }

  /** The channel of a client that has said hello. */
  onChannel(channel: MeshChannel): void {
    const session = this.#sessionOf(channel.remote.node);
    if (session === undefined) {
      channel.close('a stream and its hello come first');
      return;
    }
    if (channel.maxBytes < LEAST_MTU) {
      channel.close(`a tunnel needs datagrams of ${LEAST_MTU} bytes, this channel takes ${channel.maxBytes}`);
      return;
    }
    session.open(channel, this.#ways, this.refusals);
    if (channel.maxBytes >= this.#mtu) return;
    this.#mtu = channel.maxBytes;
    this.emit('mtu', this.#mtu);
  }

  /**
   * What the kernel sends into the tunnel. What is for nobody is dropped.
   * @returns false when no more should come before the event `drain`: the node, through which all clients are reached, is busy
   */
  fromKernel(trains: readonly Train[]): boolean {
    const byClient = new Map<Session, Train[]>();
    for (const train of trains) {
      const session = this.#destinationOf(train.packet);
      const { packets, longest } = sizeOf(train);
      if (session === undefined || longest > this.#mtu) continue;
      const batch = byClient.get(session);
      this.figures.sentPackets += packets;
      this.figures.sentBytes += train.packet.length;
      if (batch) batch.push(train);
      else byClient.set(session, [train]);
    }
    for (const [session, batch] of byClient) session.send(batch);
    return ![...byClient.keys()].some(({ isFull }) => isFull);
  }

  stop(): void {
    for (const session of this.#sessions.values()) session.end('the server stops');
  }

  #admit(stream: MeshStream, { trains }: Hello): void {
    const { node } = stream.remote;
    const { leases } = this.#options;
    const isKnown = leases.has(node);
    const place = leases.take(node, (taken) => this.#sessions.has(taken));
    if (place === undefined) {
      stream.end(formatRefusal('all addresses are in use'));
      stream.resume();
      return;
    }
    this.#sessions.get(place)?.end('a new hello took its place');
    const session = new Session(place, stream, trains);
    this.#sessions.set(place, session);
    const offer = this.#offer(place, trains);
    if (!isKnown) this.emit('leased');
    this.emit('joined', node, offer.addresses);
    const waiting = setTimeout(() => {
      if (!session.ready) session.end('no channel came');
    }, GREETING_MS);
    stream.once('end', () => stream.destroy());
    stream.once('close', () => {
      clearTimeout(waiting);
      session.end('the stream has ended');
      if (this.#sessions.get(place) !== session) return;
      this.#sessions.delete(place);
      this.emit('left', node);
    });
    stream.write(formatOffer(offer));
    stream.resume();
  }

  #offer(place: number, trains: boolean): Offer {
    const { pools, routes, dns } = this.#options;
    return {
      addresses: pools.map((pool) => pool.address(place)),
      routes: [...routes],
      dns: [...dns],
      mtu: this.#mtu,
      trains,
    };
  }

  #sessionOf(node: PublicKey): Session | undefined {
    for (const session of this.#sessions.values()) {
      if (session.stream.remote.node === node) return session;
    }
    return undefined;
  }

  #destinationOf(packet: Buffer): Session | undefined {
    const family = familyOf(packet);
    const place = family && this.#pools.get(family)?.placeOf(packet, DESTINATION_AT[family]);
    return place === undefined ? undefined : this.#sessions.get(place);
  }

  #toKernel(train: Train): void {
    this.figures.receivedPackets += sizeOf(train).packets;
    this.figures.receivedBytes += train.packet.length;
    this.#options.toKernel(train);
  }

  #toClient(place: number, train: Train): boolean {
    const session = this.#sessions.get(place);
    if (session === undefined || !this.#options.clientToClient || place === SERVER_PLACE) return false;
    session.send([train]);
    return true;
  }
}
