import { EventEmitter } from 'node:events';
import { rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { createAcceptor, listenOnTcp, stopListening } from './accept.ts';
import { closeCode } from './channel.ts';
import { errorCode, Peer, RpcError } from './jsonrpc.ts';
import { limits } from './limits.ts';
import { registerParams } from './messages.ts';
import { refuseUnregistered, SignalSession } from './session.ts';
import { listenOnUnixSocket } from './unixsocket.ts';
import { channelOfWebSocket } from './websocket.ts';

export type { AppUsage } from './messages.ts';
export { SignalSession } from './session.ts';

export interface SignalServerOptions {
  /** The Unix socket to listen on; its folder must be there. */
  path: string;
  /** Default 0o600. */
  socketMode?: number;
  /** Listens here too. Port 0 takes a free one; see {@link SignalServer.port}. */
  tcp?: { host: '127.0.0.1' | '::1'; port: number };
  /**
   * Judges one registration. Returns the token with which this client may register again after a lost connection,
   * or undefined to refuse. Constant-time comparison is the caller's.
   */
  authorize(clientId: number, token: string): string | undefined;
  /** Deadline of each request to an app, in milliseconds. Default 5,000. */
  requestTimeoutMs?: number;
  /** How long a connection may be without having registered, in milliseconds. Default 5,000. */
  registerTimeoutMs?: number;
  /** Most connections that have not registered; past it the oldest of them goes. Default 64. */
  maxUnregistered?: number;
}

/** What one app may send: far more than a talkative app needs, far less than what slows viscript down. */
const messageRate = { burst: 1_000, perSecond: 100 };

/** Unsent bytes after which an app counts as not reading. */
const maxBuffered = 1024 * 1024;

/**
 * Where apps register. Each connection stands for itself: a client that is silent, floods, lies or talks nonsense
 * loses its own connection and nothing else happens.
 */
export class SignalServer extends EventEmitter<{ session: [SignalSession]; rejected: [reason: string] }> {
  readonly #options: SignalServerOptions;
  readonly #servers: Server[] = [];
  /** Every open connection and how to end it politely. */
  readonly #connections = new Map<Socket, (reason: string) => void>();
  /** Those that have not registered, oldest first, each with its deadline. */
  readonly #unregistered = new Map<Socket, NodeJS.Timeout>();
  readonly #sessions = new Map<number, SignalSession>();

  constructor(options: SignalServerOptions) {
    super();
    this.#options = options;
  }

  /** @throws {SocketInUse} when somebody listens on the path already */
  async listen(): Promise<void> {
    const { path, socketMode = 0o600, tcp } = this.#options;
    try {
      await listenOnUnixSocket(this.#createServer(), path, socketMode);
      if (tcp) await listenOnTcp(this.#createServer(), tcp);
    } catch (error) {
      await this.#closeServers();
      throw error;
    }
  }

  /** The TCP port listened on, if one was asked for. */
  get port(): number | undefined {
    const address = this.#servers[1]?.address();
    return typeof address === 'object' ? address?.port : undefined;
  }

  /** Ends every session, frees the port and removes the socket. */
  async close(): Promise<void> {
    for (const end of this.#connections.values()) end('viscript closes');
    await this.#closeServers();
    await rm(this.#options.path, { force: true });
  }

  async #closeServers(): Promise<void> {
    await Promise.all(this.#servers.splice(0).map(stopListening));
  }

  #createServer(): Server {
    const server = createAcceptor({
      maxBytes: limits.messageBytes,
      onConnection: (socket) => this.#admit(socket),
      onBrowser: (socket) => this.#drop(socket, 'a connection from a browser'),
      onWebSocket: (webSocket, socket) => this.#greet(webSocket, socket),
    });
    this.#servers.push(server);
    return server;
  }

  #admit(socket: Socket): void {
    const { registerTimeoutMs = 5_000, maxUnregistered = 64 } = this.#options;
    this.#connections.set(socket, () => socket.destroy());
    const late = setTimeout(
      () => this.#drop(socket, `no registration within ${registerTimeoutMs} ms`),
      registerTimeoutMs,
    );
    this.#unregistered.set(socket, late);
    socket.once('close', () => {
      this.#registered(socket);
      this.#connections.delete(socket);
    });
    const [oldest] = this.#unregistered.keys();
    if (oldest && this.#unregistered.size > maxUnregistered)
      this.#drop(oldest, 'too many connections without registration');
  }

  #drop(socket: Socket, reason: string): void {
    this.#registered(socket);
    this.emit('rejected', reason);
    this.#connections.get(socket)?.(reason);
  }

  #registered(socket: Socket): void {
    clearTimeout(this.#unregistered.get(socket));
    this.#unregistered.delete(socket);
  }

  #greet(webSocket: WebSocket, socket: Socket): void {
    const peer = new Peer(channelOfWebSocket(webSocket, { maxBuffered }), {
      timeoutMs: this.#options.requestTimeoutMs ?? 5_000,
      maxBytes: limits.messageBytes,
      maxPending: 100,
      rate: messageRate,
      closeOnInvalidParams: true,
    });
    this.#connections.set(socket, (reason) => peer.close(reason, closeCode.policy));
    let session: SignalSession | undefined;
    refuseUnregistered(peer);
    peer.handle('app.register', registerParams, ({ clientId, token, pid }) => {
      if (session) throw refusal(`client ${clientId} registers twice on one connection`);
      const next = this.#options.authorize(clientId, token);
      if (next === undefined) throw refusal(`a wrong or used token for client ${clientId}`);
      this.#registered(socket);
      session = new SignalSession(peer, clientId, pid);
      this.#open(session);
      return { token: next };
    });
    void peer.closed.then((reason) => {
      if (!session && this.#unregistered.has(socket)) this.#drop(socket, reason);
    });
  }

  #open(session: SignalSession): void {
    const { clientId } = session;
    this.#sessions.get(clientId)?.close(`client ${clientId} registered anew`);
    this.#sessions.set(clientId, session);
    session.once('close', () => {
      if (this.#sessions.get(clientId) === session) this.#sessions.delete(clientId);
    });
    this.emit('session', session);
  }
}

function refusal(message: string): RpcError {
  return new RpcError(errorCode.refused, message, { fatal: true });
}
