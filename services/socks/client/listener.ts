import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { abort } from '../../mesh/splice.ts';
import type { Address } from '../../net/address.ts';
import { sourceOf } from '../../net/ip.ts';
import { WideSocket } from '../../net/wide-socket.ts';
import { Shares } from '../../program/shares.ts';
import { listenOnTcp } from '../../signal/accept.ts';
import { PasswordFailures } from './failures.ts';
import type { Outlet } from './outlet.ts';
import { serveProgram } from './session.ts';
import type { Users } from './users.ts';

export interface ListenerOptions {
  address: Address;
  outlet: Outlet;
  /** Who may connect; everybody who reaches the address when there are none. */
  users?: Users | undefined;
  /**
   * Most programs at a time, of which those of one source get a share ({@link Shares}). Past it the one goes that has been
   * longest without a request, one of the same source first. Default 4,096.
   */
  maxPrograms?: number | undefined;
  /** A program did not get what it wanted; it has been told as far as SOCKS can. */
  onFailure?: ((error: Error) => void) | undefined;
  /** Default 10,000 ms. */
  handshakeMs?: number | undefined;
  /** Default 20,000 ms: more than the server itself takes to say that it cannot. */
  connectMs?: number | undefined;
}

/** The end of SOCKS that programs connect to. */
export class SocksListener {
  readonly #options: ListenerOptions;
  readonly #server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (socket) =>
    this.#take(WideSocket.adopt(socket, { allowHalfOpen: true })),
  );
  /** Those that are served, each with what its connection goes on in. */
  readonly #programs = new Map<Socket, Duplex>();
  /** Of these, who has not said yet what it wants; the oldest first. */
  readonly #asking = new Set<Socket>();
  /** The source in whose share each of them is; who has to go for another one is in none. */
  readonly #sources = new Map<Socket, string>();
  readonly #shares: Shares;
  readonly #failures = new PasswordFailures();
  readonly #count = { forth: 0, back: 0 };
  #failed = 0;
  #onLast: (() => void) | undefined;

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#shares = new Shares(options.maxPrograms ?? 4_096);
  }

  /** @throws when the address is in use or not this machine's */
  async start(): Promise<void> {
    await listenOnTcp(this.#server, this.#options.address);
    // A connection that could not be taken for want of descriptors: the program sees it end.
    this.#server.on('error', () => void this.#failed++);
  }

  /** Where it really listens, also when port 0 was asked for. */
  get address(): Address {
    const { address, port } = this.#server.address() as AddressInfo;
    return { host: address, port };
  }

  get metrics(): { programs: number; failed: number; sent: number; received: number } {
    const { forth, back } = this.#count;
    return { programs: this.#programs.size, failed: this.#failed, sent: forth, received: back };
  }

  /** Takes no more, and resolves when all programs have ended or `graceMs` has passed and they are broken off. */
  async stop(graceMs: number): Promise<void> {
    this.#server.close();
    const timer = setTimeout(() => {
      for (const end of this.#programs.values()) abort(end, new Error('the client stops'));
    }, graceMs);
    for (const socket of this.#asking) socket.destroy();
    if (this.#programs.size > 0) await new Promise<void>((resolve) => (this.#onLast = resolve));
    clearTimeout(timer);
  }

  #take(socket: Socket): void {
    if (!this.#hasRoom(socket)) {
      this.#failed++;
      socket.destroy();
      return;
    }
    this.#programs.set(socket, socket);
    this.#asking.add(socket);
    socket.once('close', () => this.#asking.delete(socket));
    const { handshakeMs = 10_000, connectMs = 20_000, outlet, users } = this.#options;
    const onRequest = () => void this.#asking.delete(socket);
    const onStream = (stream: Duplex) => void this.#programs.set(socket, stream);
    const guard = { users, failures: this.#failures };
    const count = this.#count;
    serveProgram(socket, { outlet, guard, handshakeMs, connectMs, count, onRequest, onStream })
      .catch((error: Error) => {
        this.#failed++;
        this.#options.onFailure?.(error);
      })
      .finally(() => this.#gone(socket));
  }

  /** Gives a new program its place, that of one that asks for too long if there is no other. */
  #hasRoom(socket: Socket): boolean {
    const source = sourceOf(socket.remoteAddress ?? '');
    const sources = this.#sources;
    if (!this.#shares.take(source)) {
      const asking = [...this.#asking].filter((each) => sources.has(each));
      const own = asking.find((each) => sources.get(each) === source);
      const leaving = own ?? (this.#shares.isFull ? asking[0] : undefined);
      if (leaving === undefined) return false;
      this.#leaveShare(leaving);
      leaving.destroy();
      if (!this.#shares.take(source)) return false;
    }
    sources.set(socket, source);
    return true;
  }

  #leaveShare(socket: Socket): void {
    const source = this.#sources.get(socket);
    if (source !== undefined) this.#shares.give(source);
    this.#sources.delete(socket);
  }

  #gone(socket: Socket): void {
    this.#leaveShare(socket);
    this.#programs.delete(socket);
    if (this.#programs.size === 0) this.#onLast?.();
  }
}
