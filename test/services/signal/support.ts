import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import {
  SignalServer,
  type SignalServerOptions,
  type SignalSession,
} from '../../../services/signal/index.ts';

/** A folder of its own for this test, gone when the test is. Its name has what paths of people have. */
export async function scratchFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sígnal test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Client 1 registers with `first-1`, then with `again-1-1`, `again-1-2` …; each token once. Any id above 0 likewise. */
export function onceOnlyTokens(): SignalServerOptions['authorize'] {
  const expected = new Map<number, { token: string; count: number }>();
  return (clientId, token) => {
    const { token: wanted, count } = expected.get(clientId) ?? { token: `first-${clientId}`, count: 0 };
    if (token !== wanted) return undefined;
    const next = `again-${clientId}-${count + 1}`;
    expected.set(clientId, { token: next, count: count + 1 });
    return next;
  };
}

export interface RunningServer {
  server: SignalServer;
  path: string;
  /** The next session that nobody took yet. */
  session(): Promise<SignalSession>;
  /** The next reason that nobody took yet. */
  rejection(): Promise<string>;
}

export async function startServer(options: Partial<SignalServerOptions> = {}): Promise<RunningServer> {
  const path = options.path ?? join(await scratchFolder(), 'signal.sock');
  const server = new SignalServer({ authorize: onceOnlyTokens(), ...options, path });
  const sessions = new Queue<SignalSession>();
  const rejections = new Queue<string>();
  server.on('session', (session) => sessions.push(session));
  server.on('rejected', (reason) => rejections.push(reason));
  await server.listen();
  onTestFinished(() => server.close());
  return { server, path, session: () => sessions.next(), rejection: () => rejections.next() };
}

export async function untilReady(session: SignalSession): Promise<void> {
  if (!session.ready) await once(session, 'ready');
}

/** What arrives is kept until somebody asks for it. */
export class Queue<T> {
  readonly #items: T[] = [];
  readonly #waiting: ((item: T) => void)[] = [];

  push(item: T): void {
    const waiting = this.#waiting.shift();
    if (waiting) waiting(item);
    else this.#items.push(item);
  }

  next(): Promise<T> {
    const item = this.#items.shift();
    return item === undefined ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve(item);
  }
}

/** A WebSocket client without manners: it sends what it is told to. */
export class RawClient {
  readonly socket: WebSocket;
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly #messages = new Queue<unknown>();

  static async open(path: string, headers: Record<string, string> = {}): Promise<RawClient> {
    const socket = new WebSocket('ws://localhost/', {
      createConnection: () => createConnection(path),
      headers,
    });
    const client = new RawClient(socket);
    await once(socket, 'open');
    onTestFinished(() => socket.terminate());
    return client;
  }

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data) => this.#messages.push(JSON.parse(data.toString())));
    this.closed = new Promise((resolve) => {
      socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
  }

  send(message: unknown): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  request(id: number, method: string, params?: unknown): void {
    this.send({ jsonrpc: '2.0', id, method, params });
  }

  message(): Promise<unknown> {
    return this.#messages.next();
  }

  async register(clientId: number, token = `first-${clientId}`): Promise<unknown> {
    this.request(1, 'app.register', { clientId, token, pid: process.pid });
    return this.message();
  }
}

/** Two connected ends of one Unix socket. */
export async function socketPair(): Promise<[Socket, Socket]> {
  const path = join(await scratchFolder(), 'pair.sock');
  const server: Server = createServer();
  server.listen(path);
  await once(server, 'listening');
  const left = createConnection(path);
  const [[right]] = (await Promise.all([once(server, 'connection'), once(left, 'connect')])) as [
    [Socket],
    unknown,
  ];
  server.close();
  onTestFinished(() => {
    left.destroy();
    right.destroy();
  });
  return [left, right];
}
