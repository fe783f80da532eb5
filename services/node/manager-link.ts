import { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import { channelOfSession } from '../net/control/channel.ts';
import { connectToManager, type MemberLists } from '../net/control/introduction.ts';
import { type Hello, limits, managerMethods, type Welcome, welcomeShape } from '../net/control/messages.ts';
import type { Identity, PublicKey } from '../net/keys.ts';
import { SessionRefused } from '../net/session/session.ts';
import type { Transport } from '../net/transport/transport.ts';
import { Backoff } from '../signal/backoff.ts';
import { ConnectionLost, type Parser, Peer } from '../signal/jsonrpc.ts';
import { pause } from '../signal/pause.ts';

export interface ManagerLinkOptions {
  identity: Identity;
  transport: Transport;
  /** `HOST:PORT`. */
  address: string;
  /** Whether whoever has this key is the manager. */
  isManager(key: PublicKey): boolean;
  members: MemberLists;
  /** Whether a newer list may say who the manager is. */
  learns: boolean;
  /** What to say first, asked for at each connection. */
  hello(): Hello;
  /** Serves what the manager asks. */
  serve(peer: Peer): void;
  /** Delays between attempts. Default: from 100 ms to 3 s. */
  backoff?: Backoff | undefined;
}

export interface ManagerLinkEvents {
  /** There is a connection, and the manager knows this node. */
  welcome: [welcome: Welcome, manager: PublicKey];
  lost: [reason: string];
}

/** A connection that has stood for so many milliseconds is made again at once; one that ends before was refused. */
const lastingMs = 2_000;
/** Deadline of a call: opening a circuit takes the manager a round trip to every hop. */
const callTimeoutMs = 15_000;

/** The connection to the manager, made again for ever. What runs goes on without it. */
export class ManagerLink extends EventEmitter<ManagerLinkEvents> {
  readonly #options: ManagerLinkOptions;
  readonly #end = new AbortController();
  #peer: Peer | undefined;
  /** Who is at the other end of the connection. */
  #manager: PublicKey | undefined;
  #running: Promise<void> | undefined;
  /** The manager knew this node on the last connection. */
  #welcomed = false;
  /** Told once, not at each of many attempts. */
  #lastProblem = '';

  constructor(options: ManagerLinkOptions) {
    super();
    this.#options = options;
  }

  get connected(): boolean {
    return this.#peer !== undefined;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#end.abort();
    this.#peer?.close('this node is going down');
    await this.#running;
  }

  /** Ends the connection with somebody who is the manager no more. */
  reconsider(): void {
    if (this.#manager !== undefined && !this.#options.isManager(this.#manager))
      this.#peer?.close('this manager is none any more');
  }

  /** @throws {RpcError} what the manager answers @throws {ConnectionLost | CallTimeout} */
  async call<R>(method: string, params: object, result: Parser<R>, signal?: AbortSignal): Promise<R> {
    if (this.#peer === undefined) throw new ConnectionLost(method, 'there is no connection to the manager');
    return await this.#peer.call(method, params, result, signal ? { signal } : {});
  }

  async #run(): Promise<void> {
    const { backoff = new Backoff({ firstMs: 100, maxMs: 3_000 }) } = this.#options;
    const { signal } = this.#end;
    while (!signal.aborted) {
      const since = performance.now();
      try {
        const reason = await this.#hold();
        if (!signal.aborted) this.emit('lost', reason);
      } catch (error) {
        this.#tell(error instanceof Error ? error.message : String(error));
      }
      if (this.#welcomed && performance.now() - since > lastingMs) backoff.reset();
      await pause(backoff.next(), signal);
    }
  }

  #tell(problem: string): void {
    if (this.#end.signal.aborted || problem === this.#lastProblem) return;
    this.#lastProblem = problem;
    this.emit('lost', problem);
  }

  /** One connection's time. @returns why it ended */
  async #hold(): Promise<string> {
    const { identity, transport, address, isManager, members, learns, hello, serve } = this.#options;
    const { signal } = this.#end;
    let stream: Duplex | undefined;
    let peer: Peer | undefined;
    this.#welcomed = false;
    try {
      stream = await transport.dial(address, { signal });
      const session = await connectToManager(stream, { identity, members, isManager, learns, signal });
      const bounds = { maxBytes: limits.messageBytes };
      peer = new Peer(channelOfSession(stream, session, bounds), { ...bounds, timeoutMs: callTimeoutMs });
      serve(peer);
      const welcome = await peer.call(managerMethods.hello, hello(), welcomeShape, { signal });
      // A newer list may have come with the call before its answer.
      if (!isManager(session.remote)) throw new SessionRefused(`${session.remote} is no manager any more`);
      this.#manager = session.remote;
      this.#peer = peer;
      this.#welcomed = true;
      this.#lastProblem = '';
      this.emit('welcome', welcome, session.remote);
      return await peer.closed;
    } finally {
      this.#peer = undefined;
      this.#manager = undefined;
      peer?.close('done');
      stream?.destroy();
    }
  }
}
