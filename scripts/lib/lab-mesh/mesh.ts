import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { showMesh } from '../../../services/mesh/show.ts';
import type { Shown } from '../../../services/net/control/messages.ts';
import type { ShownOf } from '../../../services/net/control/shown.ts';
import type { PublicKey } from '../../../services/net/keys.ts';
import { type Host, Lab } from '../lab.ts';
import { root } from '../program.ts';
import type { Plan } from './plans.ts';
import { Program } from './program.ts';
import { Rack } from './rack.ts';
import { eventually } from './wait.ts';

/** Where nodes take links, on each of their cables; over UDP too. */
export const nodePort = 7_000;
export const managerPort = 7_001;
export const MANAGER = 'manager';

/** A node of the mesh: a process of its own in a host of its own. */
export interface MeshNode {
  name: string;
  key: PublicKey;
  host: Host;
  /** Unix socket for its apps. */
  socket: string;
  program: Program;
}

export interface NodeStart {
  /** Where it takes links, `HOST:PORT` each. Default: on all cables of the plan. */
  addresses?: readonly string[];
  /** The node takes whoever the list of members makes a manager; only that one's address is named. */
  anyManager?: boolean;
  /** More arguments. */
  args?: readonly string[];
  /** The list of members that it is given. Default: the newest. */
  members?: string;
  environment?: NodeJS.ProcessEnv;
}

/** Asked how to start the manager and each node. */
export type How = (name: string, mesh: Mesh) => NodeStart | Promise<NodeStart>;

/**
 * A mesh of real processes: a manager, and nodes that are joined by cables as a plan says. Every node also has a cable
 * to the manager, on which it takes no links, so that links lead only where the plan has a cable. With `await using`
 * everything is ended and removed.
 */
export class Mesh implements AsyncDisposable {
  readonly lab = new Lab();
  readonly plan: Plan;
  readonly folder: string;
  readonly rack: Rack;
  readonly #hosts = new Map<string, Host>();
  readonly #nodes = new Map<string, MeshNode>();
  /** All that were started, also those that have ended. */
  readonly #programs: Program[] = [];
  #manager: Program | undefined;

  /** Starts all of it, and resolves when all links are there. */
  static async start(plan: Plan, how?: How): Promise<Mesh> {
    const mesh = await Mesh.lay(plan);
    try {
      await mesh.startAll(how);
      await mesh.whole();
      return mesh;
    } catch (error) {
      const { log } = mesh;
      await mesh[Symbol.asyncDispose]();
      throw new Error(`the mesh did not come about\n${log}`, { cause: error });
    }
  }

  /** Only hosts, cables, keys and the list of members. @param left cables of the plan that are left out */
  static async lay(plan: Plan, left: Plan['cables'] = []): Promise<Mesh> {
    // In the system's folder: there are sockets in it, whose paths have to be short.
    const mesh = new Mesh(plan, await mkdtemp(join(tmpdir(), 'mesh-')));
    try {
      await mesh.#lay(left);
      return mesh;
    } catch (error) {
      await mesh[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(plan: Plan, folder: string) {
    this.plan = plan;
    this.folder = folder;
    this.rack = new Rack(folder);
  }

  get manager(): Program {
    if (this.#manager === undefined) throw new Error('the manager was not started');
    return this.#manager;
  }

  /** What all processes have printed, one after the other. */
  get log(): string {
    return this.#programs.map(({ log }) => log).join('');
  }

  /** The program that was started last under this name. */
  program(name: string): Program {
    const program = this.#programs.findLast((each) => each.name === name);
    if (program === undefined) throw new Error(`${name} was not started`);
    return program;
  }

  node(name: string): MeshNode {
    const node = this.#nodes.get(name);
    if (node === undefined) throw new Error(`node ${name} was not started`);
    return node;
  }

  host(name: string): Host {
    const host = this.#hosts.get(name);
    if (host === undefined) throw new Error(`there is no host ${name} in this mesh`);
    return host;
  }

  /** One more host, joined to others by cables. */
  async addHost(name: string, ...others: string[]): Promise<Host> {
    const host = await this.lab.host(name);
    this.#hosts.set(name, host);
    for (const other of others) await this.lab.connect(other, name);
    return host;
  }

  /** The address of a host on its cable to another one. */
  address(of: string, to: string): string {
    const address = this.host(of).addresses.get(to);
    if (address === undefined) throw new Error(`no cable joins ${of} and ${to}`);
    return address;
  }

  /** Starts the manager, then all nodes. */
  async startAll(how: How = () => ({})): Promise<void> {
    await this.startManager(await how(MANAGER, this));
    await Promise.all(this.plan.nodes.map(async (name) => this.startNode(name, await how(name, this))));
  }

  /** Starts the manager, or starts it anew. @param board whose key it has */
  async startManager({ environment, args: more = [] }: NodeStart = {}, board = MANAGER): Promise<Program> {
    const { keyFile } = this.rack.board(board);
    const args = [
      ...[join(root, 'services/manager/main.ts'), 'mesh.test', `0.0.0.0:${managerPort}`, '-'],
      ...['--key', keyFile, '--members', this.rack.membersFile, '--rack', this.rack.key, ...more],
    ];
    this.#manager = this.run(MANAGER, MANAGER, args, environment);
    await this.#manager.line(/^listening as/);
    return this.#manager;
  }

  /** Starts a node, or starts it anew, and resolves when the manager knows it. */
  async startNode(name: string, start: NodeStart = {}): Promise<MeshNode> {
    const { identity, keyFile } = this.rack.board(name);
    const [first = '-', ...others] = start.addresses ?? this.addressesOf(name);
    const address = `${this.address(MANAGER, name)}:${managerPort}`;
    const manager = start.anyManager ? address : `${this.rack.board(MANAGER).identity.publicKey}@${address}`;
    const socket = join(this.folder, `${name}.sock`);
    const members = join(this.folder, `${name}.members`);
    await writeFile(members, start.members ?? this.rack.newest);
    const args = [
      ...[join(root, 'services/node/main.ts'), first, manager, 'true', socket, name],
      ...['--key', keyFile, '--members', members, '--rack', this.rack.key],
      ...others.flatMap((address) => ['--address', address]),
      ...(start.args ?? []),
    ];
    const program = this.run(name, name, args, start.environment);
    const node = { name, key: identity.publicKey, host: this.host(name), socket, program };
    this.#nodes.set(name, node);
    await program.line(/^registered with manager/);
    return node;
  }

  /** Where a node takes links unless told otherwise: on its cables to other nodes. */
  addressesOf(name: string): string[] {
    return Array.from(this.host(name).addresses)
      .filter(([neighbour]) => neighbour !== MANAGER)
      .map(([, address]) => `${address}:${nodePort}`);
  }

  /** Runs a program of this repository in a host. @param args of Node.js: the program, then what is for it */
  run(host: string, name: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}): Program {
    const program = new Program(this.host(host), name, [process.execPath, ...args], {
      // Compiled once, not for each of them.
      NODE_COMPILE_CACHE: join(root, 'out/test/compiled'),
      STATE_DIRECTORY: join(this.folder, `${name}.state`),
      ...environment,
    });
    this.#programs.push(program);
    return program;
  }

  /** What the manager shows, asked for at a node. */
  async show<What extends Shown>(what: What, at = this.plan.nodes[0] ?? ''): Promise<ShownOf[What][]> {
    const shown = await showMesh(this.node(at).socket, what);
    return shown as ShownOf[What][];
  }

  /** Resolves when the manager knows the links that the plan has, or these, and no others. */
  async whole(cables: Plan['cables'] = this.plan.cables): Promise<void> {
    const wanted = cables.map(nameOf).sort().join(', ');
    await eventually(`the links ${wanted}`, async () => {
      const there = (await this.show('links'))
        .map(({ keys: [one, other] }) => nameOf([this.rack.nameOf(one), this.rack.nameOf(other)]))
        .sort()
        .join(', ');
      if (there === wanted) return true;
      throw new Error(`there are ${there}`);
    });
  }

  /** Resolves when every circuit has so many paths, all over links that are there. */
  async routes(count: number): Promise<void> {
    await eventually(`${count} paths a circuit`, async () => {
      const [circuits, routes] = await Promise.all([this.show('circuits'), this.show('routes')]);
      const intact = routes.filter(({ weight }) => weight !== null);
      const counts = circuits.map(({ circuit: id }) => intact.filter(({ circuit }) => circuit === id).length);
      if (counts.every((paths) => paths === count)) return true;
      throw new Error(`the circuits have ${counts} paths`);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab[Symbol.asyncDispose]();
    await rm(this.folder, { recursive: true, force: true });
  }

  async #lay(left: Plan['cables']): Promise<void> {
    await this.addHost(MANAGER);
    await this.rack.add(MANAGER);
    for (const name of this.plan.nodes) {
      await this.addHost(name, MANAGER);
      await this.rack.add(name);
    }
    const out = left.map(nameOf);
    for (const cable of this.plan.cables) if (!out.includes(nameOf(cable))) await this.lab.connect(...cable);
    await this.rack.publish();
  }
}

function nameOf(ends: readonly [string, string]): string {
  return ends.toSorted().join('–');
}
