import { EventEmitter } from 'node:events';
import { rm } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { type FirstLine, formatRefusal, parseFirstLine } from '../../mesh/first-line.ts';
import { readLine } from '../../mesh/line.ts';
import { MeshError, type Remote } from '../../mesh/types.ts';
import { type Address, formatAddress, isLoopback } from '../../net/address.ts';
import { loadDescriptors } from '../../net/descriptors.ts';
import { WideSocket } from '../../net/wide-socket.ts';
import { listenOnTcp, stopListening } from '../../signal/accept.ts';
import { listenOnUnixSocket } from '../../signal/unixsocket.ts';
import { AppConnection, type Opened } from './app-connection.ts';
import type { Carrier } from './carrier.ts';
import { serveShow } from './show.ts';
import { whileConnected } from './while-connected.ts';

export interface AppGatewayOptions {
  carrier: Carrier;
  /** Unix socket to listen on. */
  path?: string | undefined;
  /** Its mode. Default 0o660: the group of the socket's folder is who may reach the node. */
  socketMode?: number | undefined;
  /** Loopback address to listen on; port 0 takes a free one. */
  tcp?: Address | undefined;
  /** Time for the first line, in milliseconds. Default 10,000. */
  firstLineMs?: number | undefined;
  /** Time in which an app accepts a stream, in milliseconds. Default 10,000. */
  acceptMs?: number | undefined;
  /** Default 4,096. Past it the connection goes that has waited longest without having said what it is for. */
  maxConnections?: number | undefined;
}

export interface AppGatewayEvents {
  registered: [name: string];
  gone: [name: string, reason: string];
  /** Something went wrong that an app is told only in part. */
  problem: [error: Error];
}

/** Longest time in which a stream or channel opens, in milliseconds. */
const connectMs = 30_000;

/**
 * Where the apps of a node reach it. Each connection stands for itself: whoever is silent, floods or talks nonsense
 * loses that connection and nothing else happens.
 */
export class AppGateway extends EventEmitter<AppGatewayEvents> {
  readonly #options: AppGatewayOptions;
  readonly #carrier: Carrier;
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<WideSocket>();
  /** Those that have not said what they are for, oldest first. */
  readonly #silent = new Set<WideSocket>();
  /** By their tokens. */
  readonly #apps = new Map<string, AppConnection>();

  constructor(options: AppGatewayOptions) {
    super();
    this.#options = options;
    this.#carrier = options.carrier;
  }

  /** @throws {SocketInUse} when somebody listens on the path already; {@link NotLoopback} */
  async listen(): Promise<void> {
    const { path, socketMode = 0o660, tcp } = this.#options;
    try {
      if (tcp && !isLoopback(tcp)) throw new NotLoopback(tcp);
      if (path !== undefined) await listenOnUnixSocket(this.#createServer(), path, socketMode);
      if (tcp) await listenOnTcp(this.#createServer(), tcp);
    } catch (error) {
      await this.#closeServers();
      throw error;
    }
  }

  /** The TCP address listened on, with the port that it has. */
  get address(): Address | undefined {
    const addresses = this.#servers.map((server) => server.address());
    const found = addresses.find((address): address is AddressInfo => typeof address === 'object');
    return found && { host: found.address, port: found.port };
  }

  get figures(): { apps: number; connections: number } {
    return { apps: this.#apps.size, connections: this.#sockets.size };
  }

  /** Ends every connection and resets every stream. */
  async close(): Promise<void> {
    for (const app of this.#apps.values()) app.close('the node stops');
    for (const socket of this.#sockets) socket.destroy();
    await this.#closeServers();
    if (this.#options.path !== undefined) await rm(this.#options.path, { force: true });
  }

  async #closeServers(): Promise<void> {
    await Promise.all(this.#servers.splice(0).map(stopListening));
  }

  #createServer(): Server {
    const server = createServer(
      { allowHalfOpen: true, noDelay: true, pauseOnConnect: true },
      (socket) => void this.#admit(WideSocket.adopt(socket, { allowHalfOpen: true })),
    );
    this.#servers.push(server);
    return server;
  }

  async #admit(socket: WideSocket): Promise<void> {
    // A connection that breaks closes, and what belongs to it hears of that.
    socket.on('error', () => undefined);
    this.#sockets.add(socket);
    this.#silent.add(socket);
    socket.once('close', () => this.#forget(socket));
    const { maxConnections = 4_096, firstLineMs = 10_000 } = this.#options;
    const [longestSilent] = this.#silent;
    if (longestSilent && this.#sockets.size > maxConnections) {
      this.#forget(longestSilent);
      longestSilent.destroy();
    }
    try {
      const { text, bytes } = await readLine(socket, { timeoutMs: firstLineMs });
      this.#silent.delete(socket);
      await this.#serve(socket, parseFirstLine(text), bytes);
    } catch (error) {
      this.#refuse(socket, error);
    }
  }

  #forget(socket: WideSocket): void {
    this.#sockets.delete(socket);
    this.#silent.delete(socket);
  }

  async #serve(socket: WideSocket, first: FirstLine, received: number): Promise<void> {
    const { key: node } = this.#carrier;
    switch (first.want) {
      case 'app':
        return this.#register(socket, first);
      case 'show':
        answer(socket, { node });
        return serveShow(socket, this.#carrier);
      case 'pass': {
        const app = this.#appOf(first.token);
        const descriptors = await loadDescriptors();
        // Descriptors that come are taken when the app says so: what Node reads by itself loses them.
        socket.pause();
        answer(socket, { node });
        return app.takeLine(socket, descriptors);
      }
      case 'stream':
      case 'channel':
        return this.#open(socket, first, received);
      case 'accept': {
        const { incoming, maxBytes, join } = this.#appOf(first.token).announced(first.id);
        const sent = answer(socket, { node, remote: incoming.remote, maxBytes });
        return join({ socket, before: { sent, received } });
      }
    }
  }

  #register(socket: WideSocket, first: FirstLine & { want: 'app' }): void {
    const { acceptMs = 10_000 } = this.#options;
    const app = new AppConnection(socket, first, { carrier: this.#carrier, acceptMs });
    this.#apps.set(app.token, app);
    answer(socket, { node: this.#carrier.key, token: app.token });
    this.emit('registered', app.name);
    void app.closed.then((reason) => {
      this.#apps.delete(app.token);
      this.emit('gone', app.name, reason);
    });
  }

  async #open(
    socket: WideSocket,
    { want, token, id, to }: FirstLine & { want: 'stream' | 'channel' },
    received: number,
  ): Promise<void> {
    const carrier = this.#carrier;
    const app = this.#appOf(token);
    const limits = { limit: app.claim(id), timeoutMs: connectMs };
    const opened = (remote: Remote, maxBytes?: number): Opened => ({
      socket,
      before: { sent: answer(socket, { node: carrier.key, remote, maxBytes }), received },
    });
    try {
      if (want === 'stream') {
        const open = (signal: AbortSignal) => carrier.openStream(to, app.name, signal);
        const stream = await whileConnected(socket, limits, open);
        app.joinStream(opened(stream.remote), id, stream);
      } else {
        const open = (signal: AbortSignal) => carrier.openChannel(to, app.name, signal);
        const channel = await whileConnected(socket, limits, open);
        app.joinChannel(opened(channel.remote, channel.maxBytes), id, channel);
      }
    } catch (error) {
      app.release(id);
      throw error;
    }
  }

  #appOf(token: string): AppConnection {
    const app = this.#apps.get(token);
    if (!app) throw new MeshError('invalid', 'no app is registered under this token');
    return app;
  }

  #refuse(socket: WideSocket, error: unknown): void {
    if (socket.destroyed) return;
    const told = error instanceof MeshError ? error : new MeshError('node-lost', `the node failed: ${error}`);
    if (told !== error) this.emit('problem', error instanceof Error ? error : told);
    socket.write(`${formatRefusal(told)}\n`);
    socket.destroySoon();
  }
}

/** Apps are not told apart by their addresses: a node must not be reached by those of other machines. */
export class NotLoopback extends Error {
  override readonly name = 'NotLoopback';
  constructor(address: Address) {
    super(`apps reach their node on this machine only: ${formatAddress(address)} is no loopback address`);
  }
}

interface Answer {
  node: string;
  token?: string;
  remote?: Remote;
  maxBytes?: number | undefined;
}

/** @returns the bytes it has */
function answer(socket: WideSocket, fields: Answer): number {
  const line = Buffer.from(`${JSON.stringify(fields)}\n`);
  socket.write(line);
  return line.length;
}
