import { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import { expose } from '../metrics/exposition.ts';
import { type Hello, nodeMethods, type Welcome } from '../net/control/messages.ts';
import { takeList } from '../net/control/take-list.ts';
import type { Identity, PublicKey } from '../net/keys.ts';
import type { Session } from '../net/session/session.ts';
import type { Transport } from '../net/transport/transport.ts';
import type { Admission } from './admission.ts';
import { Directory } from './apps/directory.ts';
import { Circuits } from './circuits/circuits.ts';
import { Door } from './door.ts';
import { Links } from './links.ts';
import { figuresOf } from './metrics/figures.ts';
import { type NodeCalls, NodeConnection, type Patience } from './node-connection.ts';
import { Nodes } from './nodes.ts';
import type { Move } from './routing/circuit-keeper.ts';
import { Routing } from './routing/routing.ts';
import { type Mesh, show } from './show.ts';

export interface ManagerOptions {
  identity: Identity;
  /** The name of the mesh, for people. */
  domain: string;
  /** Where to listen, `HOST:PORT` each; the first is the one that the manager is named by. */
  addresses: readonly { transport: Transport; address: string }[];
  admission: Admission;
  /** HOST:PORT; undefined: names of apps are known here alone. */
  trackerAddress: string | undefined;
  timing?: Timing;
}

/** Milliseconds; for those left out see where they are used. */
export interface Timing extends Patience {
  /** Between reports of links. Default 1,000. */
  reportMs?: number | undefined;
  graceMs?: number | undefined;
  settleMs?: number | undefined;
  leaveMs?: number | undefined;
  awayMs?: number | undefined;
  leaseMs?: number | undefined;
  retryMs?: number | undefined;
  distrustMs?: number | undefined;
}

const defaultReportMs = 1_000;
/** Of one node: one that is in use, and some that have not said hello. */
const maxConnections = 4;
const notMember = 'this node is not a member any more';

/** The node manager: knows the mesh by what nodes report, and gives them links, routes and names. Its state is soft. */
export class Manager extends EventEmitter<{
  connected: [name: string, key: PublicKey];
  disconnected: [name: string, reason: string, key: PublicKey];
  refused: [reason: string];
  /** Something went wrong that nodes do not notice. @param source who has caused it */
  problem: [message: string, source: string];
}> {
  readonly #options: ManagerOptions;
  readonly #door: Door;
  readonly #routing = new Routing();
  readonly #nodes: Nodes;
  readonly #links: Links;
  readonly #circuits: Circuits;
  readonly #directory: Directory;
  /** Connections that are in, also of nodes that have not said hello. */
  readonly #connections = new Set<NodeConnection>();

  constructor(options: ManagerOptions) {
    super();
    const { identity, addresses, admission, trackerAddress, timing = {} } = options;
    this.#options = options;
    this.#door = new Door({
      ...{ identity, addresses, members: admission },
      admits: (key) => admission.admits(key),
      onSession: (stream, session) => this.#take(stream, session),
      onRefused: (reason) => this.emit('refused', reason),
    });
    this.#nodes = new Nodes({ boardOf: (key) => admission.boardOf(key) });
    this.#nodes.on('disconnected', (node, reason) => this.#disconnected(node, reason));
    this.#links = new Links({
      ...{ routing: this.#routing, graceMs: timing.graceMs },
      onMoves: (moves: Move[]) => this.#circuits.moved(moves),
      onGone: (node) => this.#circuits.nodeGone(node),
    });
    this.#circuits = new Circuits({
      ...{ routing: this.#routing, ...timing },
      isConnected: (node) => this.#nodes.has(node),
      expects: (node) => this.#expects(node),
      call: (node, method, params) => this.#nodes.call(node, method, params),
    });
    this.#directory = new Directory({
      ...{ identity, trackerAddress, leaseMs: timing.leaseMs },
      onProblem: (message) => this.emit('problem', message, 'apptracker'),
    });
    admission.on('changed', () => this.#membersChanged());
  }

  /** How nodes name this manager: `KEY@HOST:PORT`. */
  get name(): string {
    return `${this.#options.identity.publicKey}@${this.#door.addresses[0]}`;
  }

  /** `HOST:PORT` each. */
  get addresses(): string[] {
    return this.#door.addresses;
  }

  get figures(): { nodes: number; links: number; circuits: number; apps: number } {
    return {
      nodes: this.#nodes.size,
      links: Array.from(this.#links.all()).length,
      circuits: this.#circuits.size,
      apps: this.#directory.all.length,
    };
  }

  /** For Prometheus. */
  get metrics(): string {
    return expose(figuresOf(this.#mesh));
  }

  /** @throws {TransportError} */
  async start(): Promise<void> {
    await this.#door.open();
  }

  /** Leaves the mesh as it is: circuits go on, and the next manager learns of them. */
  async stop(): Promise<void> {
    await this.#door.close();
    this.#nodes.stop('the manager stops');
    this.#circuits.stop();
    this.#links.stop();
    for (const connection of this.#connections) connection.close('the manager stops');
    await this.#directory.stop();
  }

  get #mesh(): Mesh {
    const [nodes, links, circuits] = [this.#nodes, this.#links, this.#circuits];
    return { routing: this.#routing, nodes, links, circuits, directory: this.#directory };
  }

  #take(stream: Duplex, session: Session): void {
    const { admission } = this.#options;
    const calls: NodeCalls = {
      hello: (from, hello) => this.#greet(from, hello),
      links: (node, links) => this.#links.report(node, links),
      inUse: (node, paths) => this.#circuits.noteInUse(node, paths),
      open: (node, circuit, to) => this.#circuits.open(circuit, node, to),
      close: (node, circuit) => this.#circuits.close(circuit, node),
      setApps: async (node, apps) => ({ refused: await this.#directory.set(node, apps) }),
      find: (wanted) => this.#directory.find(wanted),
      show: (what) => show(this.#mesh, what),
      offerMembers: (text) => takeList(admission, text),
    };
    const connection = new NodeConnection(stream, session, calls, this.#options.timing);
    const same = [...this.#connections].filter(({ node }) => node === connection.node);
    if (same.length >= maxConnections) same[0]?.close('too many connections of this node');
    this.#connections.add(connection);
    void connection.closed.then(() => this.#connections.delete(connection));
  }

  #greet(connection: NodeConnection, hello: Hello): Welcome {
    const { domain, admission, timing } = this.#options;
    const { node } = connection;
    const peers = this.#nodes.add(connection, hello);
    this.#links.nodeConnected(node);
    this.#directory.nodeConnected(node);
    this.#circuits.nodeConnected(node, hello.rules);
    this.emit('connected', this.#nodes.nameOf(node), node);
    const { list } = admission;
    const members = list && list.number > hello.list ? list.text : undefined;
    return {
      domain,
      reportMs: timing?.reportMs ?? defaultReportMs,
      peers,
      ...(members !== undefined && { members }),
    };
  }

  #disconnected(node: PublicKey, reason: string): void {
    this.#links.nodeDisconnected(node);
    this.#directory.nodeDisconnected(node);
    this.#circuits.nodeDisconnected(node);
    this.emit('disconnected', this.#nodes.nameOf(node), reason, node);
  }

  #expects(node: PublicKey): boolean {
    if (!this.#options.admission.admits(node)) return false;
    this.#links.expect(node);
    return true;
  }

  /** Who is no member any more goes at once, with links, circuits and names; the others learn of the new list. */
  #membersChanged(): void {
    const { admission } = this.#options;
    const { list } = admission;
    const admits = (key: PublicKey) => admission.admits(key);
    this.#nodes.expel(admits, notMember);
    for (const connection of this.#connections) if (!admits(connection.node)) connection.close(notMember);
    this.#directory.expel(admits);
    this.#circuits.expel(admits);
    this.#links.expel(admits);
    if (list === undefined) return;
    for (const { key, name } of this.#nodes.all)
      this.#nodes.call(key, nodeMethods.members, { members: list.text }).catch((error: Error) => {
        this.emit('problem', `${name} has not taken the list of members: ${error.message}`, key);
      });
  }
}
