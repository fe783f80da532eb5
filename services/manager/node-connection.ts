import type { Duplex } from 'node:stream';
import { channelOfSession } from '../net/control/channel.ts';
import {
  type App,
  type AppsFound,
  type AppsWanted,
  appsHereShape,
  appsWantedShape,
  circuitNamedShape,
  circuitWantedShape,
  type Hello,
  helloShape,
  type LinkReport,
  limits,
  linkReportsShape,
  managerMethods,
  memberListShape,
  type Shown,
  showWantedShape,
  type Welcome,
} from '../net/control/messages.ts';
import type { PublicKey } from '../net/keys.ts';
import type { Session } from '../net/session/session.ts';
import { errorCode, type Parser, Peer, RpcError } from '../signal/jsonrpc.ts';

/** What nodes may ask of the manager. Each call names the node that asks. */
export interface NodeCalls {
  /** The first call of a connection. */
  hello(connection: NodeConnection, hello: Hello): Welcome;
  links(node: PublicKey, links: LinkReport[]): void;
  inUse(node: PublicKey, paths: { circuit: string; path: number }[]): void;
  open(node: PublicKey, circuit: string, to: PublicKey): Promise<void>;
  close(node: PublicKey, circuit: string): Promise<void>;
  setApps(node: PublicKey, apps: App[]): Promise<{ refused: string[] }>;
  find(wanted: AppsWanted): Promise<AppsFound>;
  show(what: Shown): unknown[];
  /** @throws {RpcError} when it is no list of the rack */
  offerMembers(text: string): Promise<unknown>;
}

export interface Patience {
  /** How long a node may take to say hello, milliseconds. Default 10,000. */
  helloMs?: number | undefined;
  /** A node reports its links all the time; one that says nothing for so long is not there any more. Default 15,000. */
  silentMs?: number | undefined;
}

/** For a call to a node: what it does then takes it no time. */
const callMs = 2_000;
/** A timer that is late by more than this means that the whole process stood still, and what was sent waits unread. */
const standstillMs = 1_000;
/** Many circuits at once, but not a flood. */
const rate = { burst: 8_192, perSecond: 1_000 };

/** One connection of a node that has proved who it is. */
export class NodeConnection {
  readonly node: PublicKey;
  /** Resolves with why it ended. */
  readonly closed: Promise<string>;
  /** Milliseconds of the monotonic clock. */
  readonly since = performance.now();
  readonly #peer: Peer;
  readonly #silentMs: number;
  #silence: NodeJS.Timeout | undefined;
  #due = 0;
  #greeted = false;

  constructor(stream: Duplex, session: Session, calls: NodeCalls, patience: Patience = {}) {
    this.node = session.remote;
    const options = { maxBytes: limits.messageBytes };
    this.#peer = new Peer(channelOfSession(stream, session, options), {
      ...options,
      rate,
      timeoutMs: callMs,
    });
    this.closed = this.#peer.closed;
    this.#silentMs = patience.silentMs ?? 15_000;
    this.#waitFor(patience.helloMs ?? 10_000);
    void this.closed.then(() => clearTimeout(this.#silence));
    this.#serve(calls);
  }

  /** Calls the node; what it answers does not matter. @throws as `Peer.call` */
  async call(method: string, params: object): Promise<void> {
    await this.#peer.call(method, params, ignored);
  }

  close(reason: string): void {
    this.#peer.close(reason);
  }

  #serve(calls: NodeCalls): void {
    const { node } = this;
    this.#peer.handle(managerMethods.hello, helloShape, (hello) => {
      if (this.#greeted) throw new RpcError(errorCode.invalidRequest, 'a node says hello once');
      this.#heard();
      this.#greeted = true;
      return calls.hello(this, hello);
    });
    this.#handle(managerMethods.links, linkReportsShape, ({ links, inUse }) => {
      calls.links(node, links);
      calls.inUse(node, inUse);
      return null;
    });
    this.#handle(managerMethods.open, circuitWantedShape, async ({ circuit, to }) => {
      await calls.open(node, circuit, to);
      return null;
    });
    this.#handle(managerMethods.close, circuitNamedShape, async ({ circuit }) => {
      await calls.close(node, circuit);
      return null;
    });
    this.#handle(managerMethods.apps, appsHereShape, ({ apps }) => calls.setApps(node, apps));
    this.#handle(managerMethods.find, appsWantedShape, (wanted) => calls.find(wanted));
    this.#handle(managerMethods.show, showWantedShape, ({ what }) => calls.show(what));
    this.#handle(managerMethods.members, memberListShape, async ({ members }) => {
      await calls.offerMembers(members);
      return null;
    });
  }

  #handle<T>(method: string, parser: Parser<T>, handler: (params: T) => unknown): void {
    this.#peer.handle(method, parser, (params) => {
      if (!this.#greeted)
        throw new RpcError(errorCode.refused, `${managerMethods.hello} comes first`, { fatal: true });
      this.#heard();
      return handler(params);
    });
  }

  #heard(): void {
    this.#waitFor(this.#silentMs);
  }

  #waitFor(milliseconds: number): void {
    clearTimeout(this.#silence);
    this.#due = performance.now() + milliseconds;
    this.#silence = setTimeout(() => this.#fallSilent(), milliseconds);
  }

  #fallSilent(): void {
    if (performance.now() - this.#due > standstillMs) this.#heard();
    else this.close(this.#greeted ? 'the node says nothing any more' : 'the node does not say hello');
  }
}

const ignored: Parser<undefined> = { parse: () => undefined };
