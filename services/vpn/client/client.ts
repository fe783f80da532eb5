import { EventEmitter } from 'node:events';
import type { Target } from '../../mesh/types.ts';
import { formatIp, type IpBytes, type Network } from '../../net/ip.ts';
import { Backoff, type BackoffOptions } from '../../signal/backoff.ts';
import { pause } from '../../signal/pause.ts';
import type { Offer } from '../hello.ts';
import { sizeOf, type Train } from '../train.ts';
import { TrainChannel } from '../train-channel.ts';
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
  /** Hands what is from the server to the kernel. */
  toKernel(train: Train): void;
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
  /** More can be sent. */
  drain: [];
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
  #connection: { channel: TrainChannel; mtu: number } | undefined;
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

  /** What the kernel sends into the tunnel. @returns false when no more should come before the event `drain` */
  fromKernel(trains: readonly Train[]): boolean {
    const connection = this.#connection;
    const fitting: Train[] = [];
    for (const train of trains) {
      const { packets, longest } = sizeOf(train);
      if (connection === undefined || longest > connection.mtu) {
        this.figures.unsentPackets += packets;
        continue;
      }
      this.figures.sentPackets += packets;
      this.figures.sentBytes += train.packet.length;
      fitting.push(train);
    }
    connection?.channel.send(fitting);
    return connection?.channel.isFull !== true;
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
      this.emit('drain');
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

  #carry({ channel, offer }: Connection, { addresses, routes, mtu }: TunnelConfig): void {
    const filter = new InboundFilter(addresses, routes);
    const trains = new TrainChannel(channel, offer.trains, {
      onTrain: (train) => this.#receive(train, filter),
      onMalformed: () => this.figures.refusedPackets++,
    });
    channel.on('drain', () => this.emit('drain'));
    this.#connection = { channel: trains, mtu };
  }

  #receive(train: Train, filter: InboundFilter): void {
    const { packets } = sizeOf(train);
    if (!filter.takes(train.packet)) {
      this.figures.refusedPackets += packets;
      return;
    }
    this.figures.receivedPackets += packets;
    this.figures.receivedBytes += train.packet.length;
    this.#options.toKernel(train);
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
