import { randomBytes } from 'node:crypto';
import { channelOfSession } from '../../../services/net/control/channel.ts';
import { connectToManager } from '../../../services/net/control/introduction.ts';
import {
  type App,
  type AppsFound,
  appsFoundShape,
  appsRefusedShape,
  type Hello,
  type LinkReport,
  type Peer as MeshPeer,
  managerMethods,
  memberListShape,
  nodeMethods,
  pathsShape,
  peersShape,
  rulesShape,
  type Shown,
  type Welcome,
  welcomeShape,
} from '../../../services/net/control/messages.ts';
import type { Rule } from '../../../services/net/control/rules.ts';
import type { ShownOf } from '../../../services/net/control/shown.ts';
import type { Identity, PublicKey } from '../../../services/net/keys.ts';
import { tcp } from '../../../services/net/transport/tcp.ts';
import type { Transport } from '../../../services/net/transport/transport.ts';
import { Peer } from '../../../services/signal/jsonrpc.ts';

export interface NodeClientOptions {
  identity: Identity;
  /** The manager's key. */
  manager: PublicKey;
  address: string;
  transport?: Transport;
  /** Those it says it has. */
  rules?: Rule[];
  /** Number of its list of members. */
  list?: number;
  /** The list that goes ahead of its hello. */
  brings?: string | undefined;
  addresses?: string[];
  /** Told of each call of the manager before it is answered; what it throws is the answer. */
  onCall?: (call: Call) => Promise<void> | void;
}

export interface Call {
  node: NodeClient;
  method: string;
  rules: Rule[];
}

/** Speaks the protocol of section 6 as a node does, and does what its test says. */
export class NodeClient {
  readonly key: PublicKey;
  readonly peer: Peer;
  readonly rules = new Map<string, Rule>();
  readonly links = new Map<PublicKey, LinkReport>();
  peers: MeshPeer[] = [];
  members: string | undefined;
  readonly #options: NodeClientOptions;

  static async connect(options: NodeClientOptions): Promise<NodeClient> {
    const stream = await (options.transport ?? tcp).dial(options.address);
    const { identity, manager, brings } = options;
    const session = await connectToManager(stream, {
      ...{ identity, learns: false, isManager: (key) => key === manager },
      members: { list: brings === undefined ? undefined : { text: brings }, offer: () => false },
    });
    return new NodeClient(options, new Peer(channelOfSession(stream, session), { timeoutMs: 30_000 }));
  }

  private constructor(options: NodeClientOptions, peer: Peer) {
    this.key = options.identity.publicKey;
    this.peer = peer;
    this.#options = options;
    for (const rule of options.rules ?? []) this.rules.set(nameOf(rule), rule);
    this.#handle();
  }

  async hello(): Promise<Welcome> {
    const { list = 0, addresses = ['127.0.0.1:1'] } = this.#options;
    const hello: Hello = {
      name: 'a-node',
      version: '0.0.0',
      addresses,
      rules: [...this.rules.values()],
      list,
    };
    const welcome = await this.peer.call(managerMethods.hello, hello, welcomeShape);
    this.peers = welcome.peers;
    this.members = welcome.members;
    return welcome;
  }

  setLink(neighbour: { key: PublicKey }, figures: Partial<LinkReport> = {}): void {
    const idle = { rtt: 0.001, loss: 0, load: 0, sent: 0, forwarded: 0 };
    this.links.set(neighbour.key, { ...idle, neighbour: neighbour.key, ...figures });
  }

  async report(): Promise<void> {
    await this.peer.call(managerMethods.links, { links: [...this.links.values()] }, anything);
  }

  /** A link of this node breaks. */
  async cut(neighbour: { key: PublicKey }): Promise<void> {
    this.links.delete(neighbour.key);
    await this.report();
  }

  /** @returns the circuit's name */
  async open(to: { key: PublicKey }, circuit = randomBytes(16).toString('hex')): Promise<string> {
    await this.peer.call(managerMethods.open, { circuit, to: to.key }, anything);
    return circuit;
  }

  async closeCircuit(circuit: string): Promise<void> {
    await this.peer.call(managerMethods.close, { circuit }, anything);
  }

  async setApps(...apps: App[]): Promise<string[]> {
    return (await this.peer.call(managerMethods.apps, { apps }, appsRefusedShape)).refused;
  }

  async find(wanted: { name?: string; type?: string }): Promise<AppsFound['apps']> {
    return (await this.peer.call(managerMethods.find, wanted, appsFoundShape)).apps;
  }

  /** What the manager shows is taken as it is: the tests look at it. */
  show<What extends Shown>(what: What): Promise<ShownOf[What][]> {
    return this.peer.call(managerMethods.show, { what }, { parse: (value) => value as ShownOf[What][] });
  }

  /** Rules of a circuit, the lowest path first. */
  rulesOf(circuit: string): Rule[] {
    return [...this.rules.values()]
      .filter((rule) => rule.circuit === circuit)
      .sort((a, b) => a.path - b.path);
  }

  close(): void {
    this.peer.close('the test is done');
  }

  #handle(): void {
    this.peer.handle(nodeMethods.addRules, rulesShape, async ({ rules }) => {
      await this.#options.onCall?.({ node: this, method: nodeMethods.addRules, rules });
      for (const rule of rules) this.rules.set(nameOf(rule), rule);
      return null;
    });
    this.peer.handle(nodeMethods.removeRules, pathsShape, async ({ paths }) => {
      await this.#options.onCall?.({ node: this, method: nodeMethods.removeRules, rules: [] });
      for (const path of paths) this.rules.delete(nameOf(path));
      return null;
    });
    this.peer.handle(nodeMethods.peers, peersShape, ({ peers }) => {
      this.peers = peers;
      return null;
    });
    this.peer.handle(nodeMethods.members, memberListShape, ({ members }) => {
      this.members = members;
      return null;
    });
  }
}

const anything = { parse: (value: unknown) => value };

function nameOf({ circuit, path }: { circuit: string; path: number }): string {
  return `${circuit}/${path}`;
}
