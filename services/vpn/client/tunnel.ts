import { EventEmitter } from 'node:events';
import type { IpBytes, Network } from '../../net/ip.ts';
import { familyOfNetwork } from '../networks.ts';
import { revertDns, setDns } from '../system/dns.ts';
import { hasIPv6 } from '../system/forwarding.ts';
import { configureInterface, unconfigureInterface } from '../system/interface.ts';
import { addExceptions, addRoutes, type Routes, removeRules } from '../system/routes.ts';

/** What the interface is to be. */
export interface TunnelConfig {
  addresses: readonly Network[];
  /** What goes into the tunnel. */
  routes: readonly Network[];
  dns: readonly IpBytes[];
  mtu: number;
}

export interface TunnelOptions {
  device: string;
  /** Number of the routing table, and of the first rule. */
  table: number;
}

/** A default route would lead the mesh's own packets into the tunnel, and nothing would come out of it. */
export class MeshWouldLoop extends Error {
  override readonly name = 'MeshWouldLoop';

  constructor() {
    super(
      'a default route cannot go into the tunnel: neither the node nor its manager tells which addresses the mesh itself ' +
        'uses, and the node has no user of its own; give them with --exclude',
    );
  }
}

/** The addresses, routes and rules of a client's interface. The interface itself belongs to whoever opened it. */
export class Tunnel extends EventEmitter<{ problem: [error: Error] }> {
  readonly #options: TunnelOptions;
  readonly #except: Network[] = [];
  #exceptUser: number | undefined;
  /** What was asked for, and what of it this machine can have. */
  #wanted: TunnelConfig | undefined;
  #routes: readonly Network[] = [];
  #hasDns = false;

  constructor(options: TunnelOptions) {
    super();
    this.#options = options;
  }

  /** Removes the rules: what would stay behind when the interface goes, or stayed when a run was killed. */
  async clean(): Promise<void> {
    await removeRules(this.#options.table);
  }

  /** Networks, and a user's traffic, that never go into the tunnel, beside what was told before. */
  async except(networks: readonly Network[], user: number | undefined): Promise<void> {
    const fresh = user === this.#exceptUser ? undefined : user;
    this.#except.push(...networks);
    this.#exceptUser = user;
    await addExceptions({ ...this.#plan(), except: networks, exceptUser: fresh });
  }

  /** Makes the interface this, unless it is already. @throws {MeshWouldLoop | CommandFailed} and then it is nothing */
  async configure(wanted: TunnelConfig): Promise<void> {
    if (isSame(this.#wanted, wanted)) return;
    await this.reset();
    const { device } = this.#options;
    const isDual = await hasIPv6();
    const usable = (network: Network) => familyOfNetwork(network) === 4 || isDual;
    const routes = wanted.routes.filter(usable);
    if (routes.some(isDefault) && !this.#knowsMesh) throw new MeshWouldLoop();
    this.#wanted = wanted;
    this.#routes = routes;
    try {
      await configureInterface(device, wanted.addresses.filter(usable), wanted.mtu);
      await addRoutes(this.#plan());
    } catch (error) {
      await this.reset();
      throw error;
    }
    await this.#setDns(wanted.dns);
  }

  /** Takes addresses, routes and rules away. */
  async reset(): Promise<void> {
    if (this.#wanted === undefined) return;
    await removeRules(this.#options.table);
    await unconfigureInterface(this.#options.device);
    if (this.#hasDns) await this.#comfort('are still set', revertDns(this.#options.device));
    this.#hasDns = false;
    this.#wanted = undefined;
    this.#routes = [];
  }

  get #knowsMesh(): boolean {
    return this.#exceptUser !== undefined || this.#except.length > 0;
  }

  #plan(): Routes {
    return { ...this.#options, into: this.#routes, except: this.#except, exceptUser: this.#exceptUser };
  }

  async #setDns(dns: readonly IpBytes[]): Promise<void> {
    if (dns.length === 0) return;
    this.#hasDns = await this.#comfort(
      'are not set',
      setDns(this.#options.device, dns, this.#routes.some(isDefault)),
    );
  }

  /** Names are a comfort: without them the tunnel still carries packets. @returns whether it was done */
  async #comfort(otherwise: string, work: Promise<void>): Promise<boolean> {
    try {
      await work;
      return true;
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      this.emit('problem', new Error(`the servers of names ${otherwise}: ${why}`, { cause }));
      return false;
    }
  }
}

function isDefault({ prefix }: Network): boolean {
  return prefix === 0;
}

function isSame(one: TunnelConfig | undefined, other: TunnelConfig): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
