import { EventEmitter } from 'node:events';
import { type MeshChannel, MeshError, type MeshStream, type Target } from '../mesh/types.ts';
import type { Admitted } from '../net/admitted.ts';
import type { MemberLists } from '../net/control/introduction.ts';
import {
  appsFoundShape,
  controlError,
  type Hello,
  type LinkReport,
  managerMethods,
  memberListShape,
  nodeMethods,
  pathsShape,
  peersShape,
  rulesShape,
  type Shown,
  type Welcome,
} from '../net/control/messages.ts';
import type { Rule } from '../net/control/rules.ts';
import type { ShownMembers } from '../net/control/shown.ts';
import { takeList } from '../net/control/take-list.ts';
import type { Identity, PublicKey } from '../net/keys.ts';
import { tcp } from '../net/transport/tcp.ts';
import { ConnectionLost, RpcError, type Peer as RpcPeer } from '../signal/jsonrpc.ts';
import type { Carrier, LocalApp } from './apps/carrier.ts';
import { localStreams } from './apps/local-streams.ts';
import { Circuits } from './circuits.ts';
import { LocalApps } from './local-apps.ts';
import { ManagerLink } from './manager-link.ts';
import type { Metering } from './metering.ts';
import { Neighbours } from './neighbours.ts';
import { CircuitChannel } from './streams/channel.ts';
import type { Opening } from './streams/frames.ts';
import { CircuitStream } from './streams/stream.ts';
import { RuleConflict, Switch } from './switch/switch.ts';

export interface NodeOptions {
  identity: Identity;
  /** For people. */
  name: string;
  version: string;
  /** `HOST:PORT` each, where other nodes can dial this one; none for a node behind a router. */
  addresses: readonly string[];
  /** Whether to dial other nodes. */
  dials: boolean;
  /** `HOST:PORT` of the manager. */
  manager: string;
  /** The manager's key; undefined for whoever the rack's list makes one. */
  managerKey: PublicKey | undefined;
  /** The only nodes to have links with; undefined for those that the manager names. */
  neighbours: ReadonlySet<PublicKey> | undefined;
  admitted: Admitted;
  metering: Metering;
}

export interface NodeEvents {
  /** What happens, for the log. @param source who has caused it */
  event: [message: string, source: string];
  problem: [message: string, source: string];
}

/** How long an app may take to take a stream, and a circuit to come about, milliseconds. */
const openTimeoutMs = 20_000;
const anything = { parse: (value: unknown) => value };

/** A node of the mesh. */
export class MeshNode extends EventEmitter<NodeEvents> implements Carrier {
  readonly key: PublicKey;
  readonly #options: NodeOptions;
  readonly #switch = new Switch();
  readonly #neighbours: Neighbours;
  readonly #manager: ManagerLink;
  readonly #circuits: Circuits;
  readonly #apps: LocalApps;
  /** Bytes passed on to each neighbour for others, since the start. */
  readonly #forwarded = new Map<PublicKey, number>();
  #reports: NodeJS.Timeout | undefined;

  constructor(options: NodeOptions) {
    super();
    const { identity, admitted, metering } = options;
    this.key = identity.publicKey;
    this.#options = options;
    this.#apps = new LocalApps((key) => key === this.key || admitted.admits(key));
    this.#neighbours = new Neighbours({
      ...{ identity, transport: tcp, addresses: options.addresses },
      admit: (key) => this.#mayNeighbour(key),
    });
    this.#manager = new ManagerLink({
      ...{ identity, transport: tcp, address: options.manager, learns: options.managerKey === undefined },
      members: this.#lists('manager'),
      isManager: (key) =>
        options.managerKey === undefined ? admitted.isManager(key) : key === options.managerKey,
      hello: () => this.#hello(),
      serve: (peer) => this.#serve(peer),
    });
    this.#circuits = new Circuits({
      ...{ identity, carrier: this.#switch },
      admits: (key) => admitted.admits(key),
      ask: (circuit, to) => this.#ask(circuit, to),
      release: (circuit) => this.#tellManager(managerMethods.close, { circuit }),
      streamsWith: (peer) => ({
        incoming: (opening, end) => this.#apps.accept(opening, end),
        metered: (app, direction, bytes) => metering.count(peer, app, direction, bytes),
      }),
    });
    this.#listen();
  }

  /** Where others reach it. */
  get addresses(): string[] {
    return this.#neighbours.addresses;
  }

  get figures(): Record<string, number> {
    const circuits = this.#circuits.all;
    const links = this.#switch.links.map((link) => link.figures);
    return {
      links: links.length,
      circuits: circuits.length,
      streams: circuits.reduce((sum, { streams }) => sum + streams, 0),
      rules: this.#switch.rules.length,
      link_bytes_sent: links.reduce((sum, { sent }) => sum + sent, 0),
      link_bytes_received: links.reduce((sum, { received }) => sum + received, 0),
    };
  }

  /** @throws {TransportError} when an address cannot be listened on */
  async start(): Promise<void> {
    await this.#neighbours.start();
    this.#manager.start();
  }

  async stop(): Promise<void> {
    clearInterval(this.#reports);
    this.#circuits.stop('the node is going down');
    await this.#manager.stop();
    await this.#neighbours.stop();
    await this.#options.metering.stop();
    await this.#options.admitted.stop();
  }

  async openStream(to: Target, from: string, signal: AbortSignal): Promise<MeshStream> {
    const end = await this.#open(to, from, 'stream', signal);
    if (!(end instanceof CircuitChannel)) return end;
    throw new MeshError('invalid', 'a channel where a stream was asked for');
  }

  async openChannel(to: Target, from: string, signal: AbortSignal): Promise<MeshChannel> {
    const end = await this.#open(to, from, 'channel', signal);
    if (end instanceof CircuitChannel) return end;
    throw new MeshError('invalid', 'there are no channels to an app at the same node');
  }

  addApp(app: LocalApp): void {
    this.#apps.add(app);
    this.#tellApps();
  }

  removeApp(name: string): void {
    if (this.#apps.remove(name)) this.#tellApps();
  }

  get members(): ShownMembers {
    const { admitted } = this.#options;
    const { rack = null, number = 0, members = [] } = admitted.membership ?? {};
    return { rack, number, members, key: this.key };
  }

  async takeMembers(text: string): Promise<boolean> {
    if (!(await takeList(this.#lists('apps'), text))) return false;
    this.#tellManager(managerMethods.members, { members: text });
    return true;
  }

  async show(what: Shown): Promise<unknown[]> {
    const list = await this.#callManager(managerMethods.show, { what }, anything);
    return Array.isArray(list) ? list : [];
  }

  async #open(
    to: Target,
    from: string,
    kind: Opening['kind'],
    given: AbortSignal,
  ): Promise<MeshStream | CircuitChannel> {
    const signal = AbortSignal.any([given, AbortSignal.timeout(openTimeoutMs)]);
    const { node, app } = 'node' in to ? to : await this.#find(to.app);
    if (node === this.key) return await this.#openHere(app, from, kind);
    if (!this.#options.admitted.admits(node))
      throw new MeshError('not-found', `${node} is no node of this mesh`);
    const mux = await this.#circuits.to(node, signal);
    const end = await mux.open({ app, from, kind }, signal);
    if (end instanceof CircuitStream || end instanceof CircuitChannel) return end;
    throw new MeshError('invalid', `${app} cannot be opened`);
  }

  /** Between two apps of this node. */
  async #openHere(name: string, from: string, kind: Opening['kind']): Promise<MeshStream> {
    const app = this.#apps.get(name);
    if (app === undefined) throw new MeshError('not-found', `there is no app ${name} at this node`);
    if (!this.#apps.admits(app, this.key))
      throw new MeshError('refused', `${name} does not take this node's streams`);
    if (kind === 'channel')
      throw new MeshError('refused', 'there are no channels to an app at the same node');
    const [near, far] = localStreams([
      { node: this.key, app: name },
      { node: this.key, app: from },
    ]);
    await app.accept(far);
    return near;
  }

  async #find(name: string): Promise<{ node: PublicKey; app: string }> {
    if (this.#apps.get(name)) return { node: this.key, app: name };
    const { apps } = await this.#callManager(managerMethods.find, { name }, appsFoundShape);
    const [found] = apps;
    if (found === undefined) throw new MeshError('not-found', `there is no app ${name} in the mesh`);
    return { node: found.node, app: name };
  }

  #mayNeighbour(key: PublicKey): boolean {
    const { admitted, neighbours } = this.#options;
    return admitted.admits(key) && (neighbours === undefined || neighbours.has(key));
  }

  #listen(): void {
    const { metering, admitted } = this.#options;
    const nameOf = (key: PublicKey) => admitted.boardOf(key) ?? key.slice(0, 8);
    this.#neighbours.on('link', (link) => {
      this.emit('event', `link with ${nameOf(link.remote)}`, link.remote);
      this.#switch.addLink(link);
      this.#report();
      void link.closed.then((reason) => {
        this.emit('event', `no link with ${nameOf(link.remote)} any more: ${reason}`, link.remote);
        this.#report();
      });
    });
    this.#neighbours.on('problem', (...problem) => this.emit('problem', ...problem));
    this.#circuits.on('moved', (peer, path, why) =>
      this.emit('event', `the circuit with ${nameOf(peer)} goes over path ${path} now: ${why}`, peer),
    );
    this.#circuits.on('problem', (...problem) => this.emit('problem', ...problem));
    this.#switch.on('relayed', (_rule, from, to, bytes) => {
      this.#forwarded.set(to, (this.#forwarded.get(to) ?? 0) + bytes);
      metering.countRelayed(from, to, bytes);
    });
    this.#manager.on('welcome', (welcome, manager) => this.#welcomed(welcome, manager));
    this.#manager.on('lost', (reason) => this.emit('event', `no manager: ${reason}`, 'manager'));
  }

  #hello(): Hello {
    const { name, version, admitted } = this.#options;
    return {
      name,
      version,
      addresses: this.addresses,
      rules: this.#switch.rules,
      list: admitted.list?.number ?? 0,
    };
  }

  #welcomed({ domain, reportMs, peers, members }: Welcome, manager: PublicKey): void {
    this.emit('event', `registered with manager ${manager.slice(0, 8)} of ${domain}`, 'manager');
    if (members !== undefined) this.#takeWelcomed(members);
    if (this.#options.dials) this.#neighbours.setPeers(peers);
    clearInterval(this.#reports);
    this.#reports = setInterval(() => this.#report(), reportMs);
    this.#report();
    this.#tellApps();
    this.#circuits
      .announce(this.#switch.rules)
      .catch((error: unknown) => this.emit('problem', messageOf(error), 'manager'));
  }

  /** What the manager may ask of this node. */
  #serve(peer: RpcPeer): void {
    peer.handle(nodeMethods.peers, peersShape, ({ peers }) => {
      if (this.#options.dials) this.#neighbours.setPeers(peers);
    });
    peer.handle(nodeMethods.addRules, rulesShape, ({ rules }) => this.#addRules(rules));
    peer.handle(nodeMethods.removeRules, pathsShape, ({ paths }) => {
      for (const path of paths) {
        this.#circuits.removePath(path);
        this.#switch.removeRule(path);
      }
    });
    peer.handle(nodeMethods.members, memberListShape, async ({ members }) => {
      await takeList(this.#lists('manager'), members);
    });
  }

  /** All or none. */
  #addRules(rules: readonly Rule[]): void {
    const added: Rule[] = [];
    try {
      for (const rule of rules) {
        this.#switch.addRule(rule);
        added.push(rule);
      }
    } catch (error) {
      for (const rule of added) this.#switch.removeRule(rule);
      if (error instanceof RuleConflict) throw new RpcError(controlError.ruleConflict, error.message);
      throw error;
    }
    for (const rule of rules) if ('next' in rule) this.#circuits.addPath(rule);
  }

  /** What is in force here, and takes a newer one over. @param source who brings it */
  #lists(source: string): MemberLists {
    const { admitted } = this.#options;
    return {
      get list() {
        return admitted.list;
      },
      offer: (text) => this.#offerMembers(text, source),
    };
  }

  /** @returns whether it was newer. @throws {InvalidMembership} */
  #offerMembers(text: string, source: string): boolean {
    const { admitted } = this.#options;
    if (!admitted.offer(text)) return false;
    this.emit('event', `list of members ${admitted.list?.number}`, source);
    this.#neighbours.reconsider();
    this.#circuits.expel((key) => admitted.admits(key));
    this.#manager.reconsider();
    return true;
  }

  #takeWelcomed(members: string): void {
    takeList(this.#lists('manager'), members).catch((error: unknown) =>
      this.emit('problem', `not taken from the manager: ${messageOf(error)}`, 'manager'),
    );
  }

  async #ask(circuit: string, to: PublicKey): Promise<void> {
    await this.#callManager(managerMethods.open, { circuit, to }, anything);
  }

  #report(): void {
    const links = this.#switch.links.map((link): LinkReport => {
      const { rtt, loss, load, sent } = link.figures;
      const neighbour = link.remote;
      return { ...{ neighbour, rtt, loss, load, sent }, forwarded: this.#forwarded.get(neighbour) ?? 0 };
    });
    this.#tellManager(managerMethods.links, { links, inUse: this.#circuits.inUse });
  }

  #tellApps(): void {
    const apps = this.#apps.all.map(({ name, type }) => ({ name, type }));
    this.#tellManager(managerMethods.apps, { apps });
  }

  /** What a lost connection makes void is told again after the next welcome. */
  #tellManager(method: string, params: object): void {
    if (!this.#manager.connected) return;
    this.#manager.call(method, params, anything).catch((error: unknown) => {
      if (!(error instanceof ConnectionLost)) this.emit('problem', messageOf(error), 'manager');
    });
  }

  /** @throws {MeshError} */
  async #callManager<R>(method: string, params: object, result: { parse(value: unknown): R }): Promise<R> {
    try {
      return await this.#manager.call(method, params, result);
    } catch (cause) {
      const code =
        cause instanceof RpcError && cause.code === controlError.unknownNode ? 'not-found' : 'no-route';
      throw new MeshError(code, messageOf(cause), { cause });
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
