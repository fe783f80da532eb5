import { EventEmitter } from 'node:events';
import type { Hello, Peer } from '../net/control/messages.ts';
import { nodeMethods } from '../net/control/messages.ts';
import type { PublicKey } from '../net/keys.ts';
import { CallTimeout, ConnectionLost } from '../signal/jsonrpc.ts';
import type { NodeConnection } from './node-connection.ts';
import { choosePeers } from './peering.ts';

export interface ConnectedNode {
  key: PublicKey;
  /** For people, unique among all that are connected. */
  name: string;
  version: string;
  addresses: readonly string[];
  connection: NodeConnection;
}

export interface NodesOptions {
  /** The name that the owner has given to a node; undefined for a peer of another rack. */
  boardOf(key: PublicKey): string | undefined;
  /** How long those that are connected are told nothing of others that come and go, milliseconds. Default 200. */
  announceMs?: number | undefined;
}

/** So much is taken of what a node calls itself. */
const ownNameLength = 40;

/** The nodes that are connected, and whom each of them should have links with. */
export class Nodes extends EventEmitter<{
  disconnected: [node: PublicKey, reason: string];
}> {
  readonly #options: NodesOptions & { announceMs: number };
  readonly #nodes = new Map<PublicKey, ConnectedNode>();
  /** What each node was told last, to tell it only what is new. */
  readonly #told = new Map<PublicKey, string>();
  #announcing: NodeJS.Timeout | undefined;

  constructor(options: NodesOptions) {
    super();
    this.#options = { ...options, announceMs: options.announceMs ?? 200 };
  }

  get all(): Iterable<ConnectedNode> {
    return this.#nodes.values();
  }

  get size(): number {
    return this.#nodes.size;
  }

  get(key: PublicKey): ConnectedNode | undefined {
    return this.#nodes.get(key);
  }

  has(key: PublicKey): boolean {
    return this.#nodes.has(key);
  }

  /** For people: the name of a node if it is known, else its key. */
  nameOf(key: PublicKey): string {
    return this.#nodes.get(key)?.name ?? this.#options.boardOf(key) ?? key;
  }

  /** Takes a connection in, in place of the one that there was of this node. @returns whom it should have links with */
  add(connection: NodeConnection, { name, version, addresses }: Hello): Peer[] {
    const key = connection.node;
    const before = this.#nodes.get(key);
    const board = this.#options.boardOf(key);
    // What a node calls itself may be what another one is called.
    const unique = board ?? `${printable(name).slice(0, ownNameLength)}@${key.slice(0, 8)}`;
    this.#nodes.set(key, { key, name: unique, version: printable(version), addresses, connection });
    before?.connection.close('this node has connected again');
    void connection.closed.then((reason) => this.#remove(connection, reason));
    this.#announceSoon();
    const peers = this.#peersOf(key, choosePeers(this.#places()));
    this.#told.set(key, JSON.stringify(peers));
    return peers;
  }

  /** Asks a node. @throws as `Peer.call`; {@link ConnectionLost} when it is not connected */
  async call(key: PublicKey, method: string, params: object): Promise<void> {
    const node = this.#nodes.get(key);
    if (node === undefined) throw new ConnectionLost(method, `node ${key} is not connected`);
    await node.connection.call(method, params);
  }

  /** Ends the connections of nodes that may have none any more. */
  expel(admits: (key: PublicKey) => boolean, reason: string): void {
    for (const { key, connection } of [...this.#nodes.values()]) {
      if (admits(key)) continue;
      this.#remove(connection, reason);
      connection.close(reason);
    }
  }

  /** Ends all connections, and tells nobody of it. */
  stop(reason: string): void {
    clearTimeout(this.#announcing);
    const connections = Array.from(this.#nodes.values(), ({ connection }) => connection);
    this.#nodes.clear();
    for (const connection of connections) connection.close(reason);
  }

  #remove(connection: NodeConnection, reason: string): void {
    const key = connection.node;
    if (this.#nodes.get(key)?.connection !== connection) return;
    this.#nodes.delete(key);
    this.#told.delete(key);
    this.#announceSoon();
    this.emit('disconnected', key, reason);
  }

  #announceSoon(): void {
    this.#announcing ??= setTimeout(() => {
      this.#announcing = undefined;
      this.#announce();
    }, this.#options.announceMs);
  }

  #announce(): void {
    const chosen = choosePeers(this.#places());
    for (const { key, connection } of this.#nodes.values()) {
      const peers = this.#peersOf(key, chosen);
      const text = JSON.stringify(peers);
      if (this.#told.get(key) === text) continue;
      this.#told.set(key, text);
      connection.call(nodeMethods.peers, { peers }).catch((error: unknown) => {
        this.#told.delete(key);
        // One that is gone, or refuses, is told with the next change or its next connection.
        if (error instanceof CallTimeout) this.#announceSoon();
      });
    }
  }

  #places(): { key: PublicKey; reachable: boolean }[] {
    return Array.from(this.#nodes.values(), ({ key, addresses }) => ({
      key,
      reachable: addresses.length > 0,
    }));
  }

  #peersOf(key: PublicKey, chosen: Map<PublicKey, Set<PublicKey>>): Peer[] {
    return Array.from(chosen.get(key) ?? [])
      .sort()
      .flatMap((each) => this.#nodes.get(each) ?? [])
      .map(({ key: peer, name, addresses }) => ({ key: peer, name, addresses }));
  }
}

/** It ends up in terminals. */
function printable(text: string): string {
  return text.replaceAll(/[^!-~]/g, '?');
}
