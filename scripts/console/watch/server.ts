import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { ImageError } from '../../../image/error.ts';
import { withLock } from '../../../image/lock.ts';
import { connectTo } from './connect.ts';
import { encodeShown, encodeText } from './protocol.ts';

/** What may wait for one who looks on, in bytes. */
const MAX_BEHIND = 1024 * 1024;
/** How many may look on at one board. */
const MAX_WATCHERS = 64;
/** How long one who was dropped has to read why, in milliseconds. */
const FAREWELL_MS = 30_000;

export interface WatchServerOptions {
  /** Path of the socket. */
  path: string;
  /** What the board is called. */
  label: string;
  /** What one who comes is shown first. */
  recent: () => Buffer;
}

/** Lets others look on at a board. They can do nothing, and nobody waits for them. */
export class WatchServer {
  readonly #server: Server;
  readonly #options: WatchServerOptions;
  readonly #watchers = new Set<Socket>();
  readonly #dropped = new Set<Socket>();

  private constructor(server: Server, options: WatchServerOptions) {
    this.#server = server;
    this.#options = options;
    server.on('connection', (socket) => this.#accept(socket));
  }

  /** @throws {ImageError} when another console has this board */
  static async open(options: WatchServerOptions): Promise<WatchServer> {
    const server = createServer({ allowHalfOpen: true });
    const watching = new WatchServer(server, options);
    await withLock(
      join(dirname(options.path), 'lock'),
      async (ours) => ours(),
      () => listen(server, options),
    );
    return watching;
  }

  /** How many look on. */
  get count(): number {
    return this.#watchers.size;
  }

  send(bytes: Buffer): void {
    if (this.#watchers.size === 0) return;
    const frames = encodeShown(bytes);
    for (const socket of this.#watchers) {
      if (socket.writableLength + frames.length > MAX_BEHIND) this.#drop(socket, 'you read too slowly');
      else socket.write(frames);
    }
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#watchers) socket.end();
    for (const socket of [...this.#watchers, ...this.#dropped]) socket.destroySoon();
    // One who reads nothing does not keep the program from ending.
    const last = setTimeout(() => {
      for (const socket of [...this.#watchers, ...this.#dropped]) socket.destroy();
    }, 500);
    await closed;
    clearTimeout(last);
  }

  #accept(socket: Socket): void {
    // Whoever goes away while something is sent to them is gone, and `close` says so.
    socket.on('error', () => this.#forget(socket));
    socket.on('close', () => this.#forget(socket));
    // Nobody has anything to say here, nor looks on after hanging up.
    socket.on('data', () => socket.destroy());
    socket.on('end', () => socket.destroy());
    socket.write(encodeText('hello', this.#options.label));
    if (this.#watchers.size >= MAX_WATCHERS) {
      this.#drop(socket, `${MAX_WATCHERS} others look on already`);
      return;
    }
    this.#watchers.add(socket);
    socket.write(encodeShown(this.#options.recent()));
  }

  #drop(socket: Socket, why: string): void {
    this.#watchers.delete(socket);
    this.#dropped.add(socket);
    socket.end(encodeText('dropped', why));
    const timer = setTimeout(() => socket.destroy(), FAREWELL_MS).unref();
    socket.once('close', () => clearTimeout(timer));
  }

  #forget(socket: Socket): void {
    this.#watchers.delete(socket);
    this.#dropped.delete(socket);
  }
}

async function listen(server: Server, { path, label }: WatchServerOptions): Promise<void> {
  const other = await connectTo(path);
  if (other !== undefined) {
    other.destroy();
    throw new ImageError(
      `${label} is held by another 'skyminer console'; 'skyminer console --watch ${label}' looks on.`,
    );
  }
  // What is left of one that was killed.
  await rm(path, { force: true });
  server.listen(path);
  await once(server, 'listening');
}
