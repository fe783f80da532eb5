import { EventEmitter } from 'node:events';
import type { Target } from '../../mesh/types.ts';
import { formatIp, type IpBytes, type Network } from '../../net/ip.ts';
import { Backoff, type BackoffOptions } from '../../signal/backoff.ts';
import { pause } from '../../signal/pause.ts';
import type { Offer } from '../hello.ts';
import { Connection, type Dialer } from './connection.ts';
import { InboundFilter } from './filter.ts';
import type { TunnelConfig } from './tunnel.ts';

export interface VpnClientOptions {
  mesh: Dialer;
  server: Target;
  /** Instead of what the server offers. */
  routes?: readonly Network[] | undefined;
  dns?: readonly IpBytes[] | undefined;
  mtu?: number | undefined;
  /** Makes the interface as the server and the options want it. */
  configure(config: TunnelConfig): Promise<void>;
  /** Hands a packet from the server to the kernel. */
  toKernel(packet: Buffer): void;
  /** Called before each attempt to connect, and now and then while connected. */
  onTurn(): Promise<void>;
  backoff?: BackoffOptions;
}

/** Milliseconds between turns while connected. */
const TURN_MS = 30_000;

export interface ClientFigures {
  sentPackets: number;
  sentBytes: number;
  receivedPackets: number;
  receivedBytes: number;
  /** Packets that came from the server and were none for this client. */
  refusedPackets: number;
  /** Packets that had no connection, or were too long for it. */
  unsentPackets: number;
}

/**
 * The client's end of a tunnel: connects to its server, again whenever the connection is lost, until it is stopped. The interface
 * stays as it was in between, so that nothing goes other ways meanwhile.
 */
export class VpnClient extends EventEmitter<{
  up: [addresses: string[]];
  down: [reason: string];
  /** An attempt to connect failed; another follows. */
  problem: [error: Error];
}> {
  readonly figures: ClientFigures = {
    sentPackets: 0,
    sentBytes: 0,
    receivedPackets: 0,
    receivedBytes: 0,
    refusedPackets: 0,
    unsentPackets: 0,
  };
  readonly #options: VpnClientOptions;
  readonly #backoff: Backoff;
  readonly #end = new AbortController();
  #connection: { channel: Connection['channel']; mtu: number } | undefined;
  #running: Promise<void> | undefined;

  constructor(options: VpnClientOptions) {
    super();
    this.#options = options;
    this.#backoff = new Backoff(options.backoff ?? { firstMs: 200, maxMs: 10_000 });
  }

  start(): void {
    this.#running ??= this.#run(this.#end.signal);
  }

  /** Resolves when the session is over and nothing is configured any more. */
  async stop(): Promise<void> {
    this.#end.abort();
    await this.#running;
  }

  /** Packets that the kernel sends into the tunnel. */
  fromKernel(packets: readonly Buffer[]): void {
    const connection = this.#connection;
    const fitting = connection ? packets.filter(({ length }) => length <= connection.mtu) : [];
    this.figures.unsentPackets += packets.length - fitting.length;
    this.figures.sentPackets += fitting.length;
    for (const { length } of fitting) this.figures.sentBytes += length;
    connection?.channel.send(fitting);
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const reason = await this.#session(signal);
        if (!signal.aborted) this.emit('down', reason);
      } catch (error) {
        if (!signal.aborted) this.emit('problem', error instanceof Error ? error : new Error(String(error)));
      }
      await pause(this.#backoff.next(), signal);
    }
  }

  /** One connection's time. @returns why it ended */
  async #session(signal: AbortSignal): Promise<string> {
    await this.#options.onTurn();
    const connection = await Connection.open(this.#options.mesh, this.#options.server, signal);
    try {
      const config = this.#configOf(connection.offer, connection.channel.maxBytes);
      await this.#options.configure(config);
      this.#carry(connection, config);
      this.#backoff.reset();
      this.emit(
        'up',
        config.addresses.map(({ bytes }) => formatIp(bytes)),
      );
      return await this.#lasting(connection, signal);
    } finally {
      this.#connection = undefined;
      connection.close();
    }
  }

  #configOf(offer: Offer, channelBytes: number): TunnelConfig {
    const { routes, dns, mtu } = this.#options;
    return {
      addresses: offer.addresses,
      routes: routes ?? offer.routes,
      dns: dns ?? offer.dns,
      mtu: Math.min(mtu ?? Number.POSITIVE_INFINITY, offer.mtu, channelBytes),
    };
  }

  #carry({ channel }: Connection, { addresses, routes, mtu }: TunnelConfig): void {
    const filter = new InboundFilter(addresses, routes);
    this.#connection = { channel, mtu };
    channel.on('message', (packet) => {
      if (!filter.takes(packet)) {
        this.figures.refusedPackets++;
        return;
      }
      this.figures.receivedPackets++;
      this.figures.receivedBytes += packet.length;
      this.#options.toKernel(packet);
    });
  }

  async #lasting({ closed }: Connection, signal: AbortSignal): Promise<string> {
    const over = new AbortController();
    const either = AbortSignal.any([signal, over.signal]);
    void closed.then(() => over.abort());
    while (!either.aborted) {
      await pause(TURN_MS, either);
      if (!either.aborted) await this.#options.onTurn();
    }
    return signal.aborted ? 'stopped' : closed;
  }
}
