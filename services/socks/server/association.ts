import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIP, isIPv6 } from 'node:net';
import type { SpliceCount } from '../../mesh/splice.ts';
import type { MeshChannel } from '../../mesh/types.ts';
import { decodeDatagram, encodeDatagram } from '../protocol.ts';
import type { Egress } from './egress.ts';
import type { Resolve } from './resolve.ts';

export interface AssociationOptions {
  egress: Egress;
  resolve: Resolve;
  /** Longest time to resolve a name, in milliseconds. */
  connectMs: number;
  count: SpliceCount;
}

/** Most addresses that may answer at a time; past it the one written to first is forgotten. */
const maxPeers = 4_096;

/** Most names whose addresses are remembered, and most datagrams that wait for those of one. */
const maxNames = 64;
const maxWaiting = 16;

/** Unsent bytes past which datagrams are dropped. */
const maxQueuedBytes = 256 * 1024;

interface Name {
  /** Once they are known; of a name that has none that is permitted nothing is sent. */
  addresses: readonly string[] | undefined;
  waiting: { port: number; payload: Buffer }[];
}

/**
 * A program's datagrams at the end that leads out: a UDP socket of each family, opened when it is needed. Only addresses
 * that the program has written to may answer.
 */
export class Association {
  readonly #channel: MeshChannel;
  readonly #options: AssociationOptions;
  readonly #sockets = new Map<'udp4' | 'udp6', Socket>();
  readonly #peers = new Set<string>();
  readonly #names = new Map<string, Name>();
  readonly #closing = new AbortController();

  /** The channel is owned from here on. */
  constructor(channel: MeshChannel, options: AssociationOptions) {
    this.#channel = channel;
    this.#options = options;
    channel.on('message', (datagram) => this.#forward(datagram));
    channel.once('close', () => this.#end());
  }

  close(reason: string): void {
    this.#channel.close(reason);
  }

  #forward(datagram: Buffer): void {
    const decoded = decodeDatagram(datagram);
    if (!decoded) return;
    const { destination, payload } = decoded;
    const { host, port } = destination;
    const name = this.#names.get(host);
    // An address is sent to at once; a name has to be known first.
    if (isIP(host) !== 0) this.#send(host, port, payload);
    else if (name?.addresses) this.#sendToFirst(name.addresses, port, payload);
    else if (name) {
      if (name.waiting.length < maxWaiting) name.waiting.push({ port, payload });
    } else void this.#resolve(host, { port, payload });
  }

  async #resolve(host: string, first: { port: number; payload: Buffer }): Promise<void> {
    const name: Name = { addresses: undefined, waiting: [first] };
    this.#names.set(host, name);
    if (this.#names.size > maxNames) forgetFirst(this.#names);
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(this.#options.connectMs)]);
    // As with any datagram that is lost, the program hears nothing.
    const addresses = await this.#options.resolve(host, signal).catch(() => []);
    name.addresses = addresses;
    for (const { port, payload } of name.waiting.splice(0)) this.#sendToFirst(addresses, port, payload);
    if (addresses.length === 0) this.#names.delete(host);
  }

  #sendToFirst(addresses: readonly string[], port: number, payload: Buffer): void {
    // Nothing tells whether an address answers; IPv4 is what every network has.
    const permitted = addresses.filter((address) => this.#options.egress.permits(address, port));
    const chosen = permitted.find((address) => !isIPv6(address)) ?? permitted[0];
    if (chosen !== undefined) this.#send(chosen, port, payload);
  }

  #send(host: string, port: number, payload: Buffer): void {
    if (this.#closing.signal.aborted || port === 0 || !this.#options.egress.permits(host, port)) return;
    this.#peers.add(host);
    if (this.#peers.size > maxPeers) forgetFirst(this.#peers);
    const socket = this.#socket(isIPv6(host) ? 'udp6' : 'udp4');
    if (socket.getSendQueueSize() > maxQueuedBytes) return;
    // A datagram that cannot be sent is lost, as on any network.
    socket.send(payload, port, host, () => undefined);
    this.#options.count.back += payload.length;
  }

  #socket(type: 'udp4' | 'udp6'): Socket {
    const known = this.#sockets.get(type);
    if (known) return known;
    const socket = createSocket({ type, ipv6Only: type === 'udp6', lookup: asGiven });
    this.#sockets.set(type, socket);
    socket.on('message', (payload, from) => this.#answer(payload, from));
    socket.on('error', (error) => this.close(`no datagrams: ${error.message}`));
    return socket;
  }

  #answer(payload: Buffer, { address, port }: RemoteInfo): void {
    if (!this.#peers.has(address)) return;
    const datagram = encodeDatagram({ host: address, port }, payload);
    if (datagram.length > this.#channel.maxBytes) return;
    this.#channel.send([datagram]);
    this.#options.count.forth += payload.length;
  }

  #end(): void {
    this.#closing.abort();
    for (const socket of this.#sockets.values()) socket.close();
  }
}

/** Only addresses that have been checked are sent to; there is nothing to look up. */
function asGiven(
  host: string,
  _options: unknown,
  callback: (error: NodeJS.ErrnoException | null, address: string, family: number) => void,
): void {
  callback(null, host, isIP(host));
}

function forgetFirst<Key>(collection: { keys(): Iterable<Key>; delete(key: Key): boolean }): void {
  const [first] = collection.keys();
  if (first !== undefined) collection.delete(first);
}
