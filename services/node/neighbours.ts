import { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import { parseAddress } from '../net/address.ts';
import type { Peer } from '../net/control/messages.ts';
import type { Identity, PublicKey } from '../net/keys.ts';
import { Link } from '../net/link/link.ts';
import { UdpPort } from '../net/link/udp-port.ts';
import { Doorway } from '../net/session/doorway.ts';
import { connectSession } from '../net/session/stream.ts';
import { type Listener, type Transport, TransportError } from '../net/transport/transport.ts';
import { Backoff } from '../signal/backoff.ts';
import { pause } from '../signal/pause.ts';
import { reachableAddresses } from './addresses.ts';

export interface NeighboursOptions {
  identity: Identity;
  transport: Transport;
  /** Where to listen, `HOST:PORT` each; none for a node that is not reached from outside. */
  addresses: readonly string[];
  /** Whether a node may have a link with this one. */
  admit(key: PublicKey): boolean;
}

export interface NeighboursEvents {
  /** A new link, in place of the one there was with this neighbour. */
  link: [link: Link];
  /** A link could not be had, or was refused; it is tried again. @param source who has caused it */
  problem: [message: string, source: string];
}

/** Milliseconds to wait for a connection: less than it takes TCP to try a third time. */
const dialTimeoutMs = 3_000;
/** A link that has stood for so many milliseconds is dialled again at once when it ends. */
const lastingMs = 2_000;
/** How much longer the node with the greater key waits before it dials, milliseconds. */
const courtesyMs = 2_000;

interface Held {
  link: Link;
  /** This node has dialled. */
  dialled: boolean;
}

/**
 * Keeps links with the nodes it should have links with. Of two nodes the one with the smaller key dials first; the other
 * one does after a while, in case it cannot be reached.
 */
export class Neighbours extends EventEmitter<NeighboursEvents> {
  readonly #options: NeighboursOptions;
  readonly #end = new AbortController();
  readonly #dialling = new Map<PublicKey, { peer: Peer; stop: AbortController }>();
  readonly #links = new Map<PublicKey, Held>();
  readonly #problems = new Map<PublicKey, string>();
  /** Those that were named last. */
  #peers: readonly Peer[] = [];
  #listeners: Listener[] = [];
  #udp: UdpPort | undefined;
  readonly #doorway = new Doorway();

  constructor(options: NeighboursOptions) {
    super();
    this.#options = options;
  }

  /** The addresses that others reach this node by. */
  get addresses(): string[] {
    return this.#listeners.flatMap(({ address }) => reachableAddresses(parseAddress(address)));
  }

  get links(): Link[] {
    return Array.from(this.#links.values(), ({ link }) => link);
  }

  /** @throws {TransportError} when an address cannot be listened on: then it listens on none */
  async start(): Promise<void> {
    const { transport, addresses } = this.#options;
    try {
      for (const address of addresses)
        this.#listeners.push(await transport.listen(address, (stream) => void this.#accept(stream)));
      this.#udp = await UdpPort.bind(...this.#udpAddress());
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    this.#end.abort();
    for (const { stop } of this.#dialling.values()) stop.abort();
    for (const link of this.links) link.close('this node is going down');
    await Promise.all(this.#listeners.map((listener) => listener.close()));
    this.#udp?.close();
  }

  /** Whom to have links with from now on. Links with others go on until somebody ends them. */
  setPeers(peers: readonly Peer[]): void {
    const { identity, admit } = this.#options;
    this.#peers = peers;
    const wanted = new Map(peers.map((peer) => [peer.key, peer]));
    for (const peer of peers)
      if (peer.key === identity.publicKey || peer.addresses.length === 0 || !admit(peer.key))
        wanted.delete(peer.key);
    for (const [key, { peer, stop }] of this.#dialling) {
      const now = wanted.get(key);
      if (now !== undefined && now.addresses.join() === peer.addresses.join()) {
        wanted.delete(key);
        continue;
      }
      stop.abort();
      this.#dialling.delete(key);
    }
    for (const peer of wanted.values()) {
      const stop = new AbortController();
      this.#dialling.set(peer.key, { peer, stop });
      void this.#keepDialling(peer, AbortSignal.any([stop.signal, this.#end.signal]));
    }
  }

  /** Others are admitted than before: ends the links with those that are not any more, and dials those that are now. */
  reconsider(): void {
    this.setPeers(this.#peers);
    for (const link of this.links)
      if (!this.#options.admit(link.remote))
        link.close(`${link.remote} does not belong to this mesh any more`);
  }

  /** The port of the first listener, on its address, or on all when there are several; any where there is none. */
  #udpAddress(): [host: string, port: number] {
    const [first, ...others] = this.#listeners.map(({ address }) => parseAddress(address));
    if (first === undefined) return ['0.0.0.0', 0];
    if (others.length === 0) return [first.host, first.port];
    return [first.host.includes(':') ? '::' : '0.0.0.0', first.port];
  }

  async #keepDialling(peer: Peer, signal: AbortSignal): Promise<void> {
    const backoff = new Backoff({ firstMs: 200, maxMs: 3_000 });
    const courtesy = this.#options.addresses.length > 0 && this.#options.identity.publicKey > peer.key;
    while (!signal.aborted) {
      if (courtesy) await pause(courtesyMs, signal);
      const link = this.#links.get(peer.key)?.link ?? (await this.#dial(peer, signal));
      if (link !== undefined) {
        const since = performance.now();
        await Promise.race([link.closed, aborted(signal)]);
        // One that ends at once was refused.
        if (performance.now() - since > lastingMs) backoff.reset();
      }
      await pause(backoff.next(), signal);
    }
    if (this.#dialling.get(peer.key)?.peer === peer) this.#dialling.delete(peer.key);
  }

  async #dial({ key, name, addresses }: Peer, signal: AbortSignal): Promise<Link | undefined> {
    const { identity, transport, admit } = this.#options;
    const problems: string[] = [];
    for (const address of addresses) {
      let stream: Duplex | undefined;
      try {
        stream = await transport.dial(address, { signal, timeoutMs: dialTimeoutMs });
        const accept = (remote: PublicKey) => remote === key && admit(remote);
        const session = await connectSession(stream, { identity, purpose: 'link', accept, signal });
        return this.#take(new Link(stream, session, { udp: this.#udp }), true);
      } catch (error) {
        stream?.destroy();
        if (signal.aborted || this.#links.has(key)) return undefined;
        problems.push(error instanceof TransportError ? error.message : `${address}: ${reasonOf(error)}`);
      }
    }
    this.#tell(key, `no link with ${name}: ${problems.join('; ')}`);
    return undefined;
  }

  async #accept(stream: Duplex): Promise<void> {
    const { identity, admit } = this.#options;
    try {
      const signal = this.#end.signal;
      const session = await this.#doorway.accept(stream, {
        identity,
        purpose: 'link',
        accept: admit,
        signal,
      });
      this.#take(new Link(stream, session, { udp: this.#udp }), false);
    } catch (error) {
      stream.destroy();
      // Nobody knows who it was, so all of them are one source.
      if (!this.#end.signal.aborted)
        this.emit('problem', `a link was refused: ${reasonOf(error)}`, 'refused links');
    }
  }

  /**
   * The newer link stays: a node that was cut off dials again long before this end notices. Only where both have dialled
   * at the same time both must keep the same one: that of the node with the smaller key.
   *
   * @returns the link that is in use
   */
  #take(link: Link, dialled: boolean): Link {
    if (this.#end.signal.aborted) {
      link.close('this node is going down');
      return link;
    }
    const before = this.#links.get(link.remote);
    const smaller = this.#options.identity.publicKey < link.remote;
    if (before && before.dialled !== dialled && before.dialled === smaller) {
      link.close('there is a link already');
      return before.link;
    }
    this.#links.set(link.remote, { link, dialled });
    this.#problems.delete(link.remote);
    void link.closed.then(() => {
      if (this.#links.get(link.remote)?.link === link) this.#links.delete(link.remote);
    });
    this.emit('link', link);
    before?.link.close('there is a newer link');
    return link;
  }

  /** Told once, not at each attempt. */
  #tell(key: PublicKey, problem: string): void {
    if (this.#problems.get(key) === problem) return;
    this.#problems.set(key, problem);
    this.emit('problem', problem, key);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
