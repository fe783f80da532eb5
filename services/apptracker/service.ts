import { EventEmitter } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { findParams, limits, ownerParams, registerParams, trackerError } from '../names/messages.ts';
import type { Address } from '../net/address.ts';
import { createAcceptor, listenOnTcp, stopListening } from '../signal/accept.ts';
import { closeCode } from '../signal/channel.ts';
import { Peer, RpcError } from '../signal/jsonrpc.ts';
import { channelOfWebSocket } from '../signal/websocket.ts';
import { Leases } from './leases.ts';
import { Store } from './store.ts';

export interface TrackerOptions {
  address: Address;
  /** Where the leases survive; its folder is made when it is not there. */
  stateFile: string;
  /** Default 4,096. */
  maxEntries?: number;
  /** Most connections; past it the one that said nothing for longest goes. Default 512. */
  maxClients?: number;
  /** Most names registered over one connection. Default 64. */
  maxNamesPerClient?: number;
}

/** What one connection may send: many lookups, but not a flood. */
const messageRate = { burst: 1_000, perSecond: 200 };

/** A timer that is late by more than this, in milliseconds, means that the whole process stood still. */
const standstillMs = 1_000;

/** The tracker: leases, the connections over which apps speak of them, and the file in which they survive. */
export class Tracker extends EventEmitter<{
  registered: [name: string];
  expired: [names: string[]];
  /** Something went wrong that apps do not notice, or has come right again. */
  problem: [message: string];
}> {
  readonly #options: Required<TrackerOptions>;
  readonly #leases: Leases;
  readonly #store: Store;
  readonly #server = createAcceptor({
    maxBytes: limits.messageBytes,
    onConnection: (socket) => this.#admit(socket),
    onBrowser: (socket) => void socket.destroy(),
    onWebSocket: (webSocket, socket) => this.#serve(webSocket, socket),
  });
  /** How to end each connection; the one that was silent for longest comes first. */
  readonly #clients = new Map<Socket, (reason: string) => void>();
  #sweep: { timer: NodeJS.Timeout; due: number } | undefined;

  constructor(options: TrackerOptions) {
    super();
    this.#options = { maxEntries: 4_096, maxClients: 512, maxNamesPerClient: 64, ...options };
    this.#leases = new Leases(this.#options.maxEntries);
    const stored = () => this.#leases.stored();
    this.#store = new Store(options.stateFile, stored, (message) => this.emit('problem', message));
  }

  /** @throws when the address cannot be listened on */
  async start(): Promise<void> {
    const stored = await this.#store.load().catch((error: Error) => {
      this.emit('problem', error.message);
      return [];
    });
    this.#leases.restore(stored, performance.now());
    await listenOnTcp(this.#server, this.#options.address);
    this.#planSweep();
  }

  /** Where it really listens, also when port 0 was asked for. */
  get address(): Address {
    const { address, port } = this.#server.address() as AddressInfo;
    return { host: address, port };
  }

  get metrics(): { apps: number; clients: number } {
    return { apps: this.#leases.size, clients: this.#clients.size };
  }

  /** Ends every connection and resolves when the leases are on the disk. */
  async stop(): Promise<void> {
    clearTimeout(this.#sweep?.timer);
    for (const end of this.#clients.values()) end('the tracker stops');
    await stopListening(this.#server);
    await this.#store.stop();
  }

  #admit(socket: Socket): void {
    this.#clients.set(socket, () => socket.destroy());
    socket.once('close', () => this.#clients.delete(socket));
    const [longestSilent] = this.#clients.values();
    if (this.#clients.size > this.#options.maxClients) longestSilent?.('too many connections');
  }

  #serve(webSocket: WebSocket, socket: Socket): void {
    const peer = new Peer(channelOfWebSocket(webSocket, { maxBuffered: 4 * limits.messageBytes }), {
      maxBytes: limits.messageBytes,
      maxPending: 100,
      rate: messageRate,
    });
    const end = (reason: string) => peer.close(reason, closeCode.policy);
    const heard = () => {
      if (this.#clients.delete(socket)) this.#clients.set(socket, end);
    };
    const names = new Set<string>();
    heard();
    peer.handle('tracker.register', registerParams, async (params) => {
      heard();
      if (!names.has(params.name) && names.size >= this.#options.maxNamesPerClient) {
        throw new RpcError(trackerError.full, `one connection may register ${names.size} names`);
      }
      const changed = this.#leases.register(params, performance.now());
      names.add(params.name);
      this.#planSweep();
      if (changed) {
        this.emit('registered', params.name);
        await this.#store.save();
      }
      return { lease: params.lease };
    });
    peer.handle('tracker.renew', ownerParams, ({ name, secret }) => {
      heard();
      return { lease: this.#leases.renew(name, secret, performance.now()) };
    });
    peer.handle('tracker.release', ownerParams, async ({ name, secret }) => {
      heard();
      this.#leases.release(name, secret, performance.now());
      names.delete(name);
      await this.#store.save();
      return {};
    });
    peer.handle('tracker.find', findParams, (params) => {
      heard();
      return this.#leases.find(params, performance.now());
    });
  }

  /** One timer, for the lease that ends first. A renewal does not move it: it then finds nothing and is set anew. */
  #planSweep(): void {
    const due = this.#leases.nextExpiry();
    if (this.#sweep && due !== undefined && this.#sweep.due <= due) return;
    clearTimeout(this.#sweep?.timer);
    if (due === undefined) this.#sweep = undefined;
    else
      this.#sweep = { due, timer: setTimeout(() => this.#expire(due), Math.max(0, due - performance.now())) };
  }

  #expire(due: number): void {
    this.#sweep = undefined;
    const now = performance.now();
    const late = now - due;
    // The renewals of that time wait unread in the sockets: let them be read before anybody is forgotten.
    if (late > standstillMs) this.#leases.extend(late + standstillMs);
    const expired = this.#leases.expire(now);
    this.#planSweep();
    if (expired.length === 0) return;
    this.emit('expired', expired);
    void this.#store.save();
  }
}
