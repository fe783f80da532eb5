import { EventEmitter } from 'node:events';
import { formatNetwork, type Network } from '../../net/ip.ts';
import { meshAddresses, nodeAddress, nodeUser } from './exclusions.ts';

/**
 * What the mesh itself needs outside of the tunnel: addresses, more whenever they are learned, and the node's user. What
 * was known once stays known: a node that is gone for a moment comes back by the same ways.
 */
export class Bypass extends EventEmitter<{ problem: [error: Error] }> {
  readonly networks: Network[];
  readonly #node: string;
  readonly #known: Set<string>;
  #user: number | undefined;
  #failing = false;

  /** @param excluded networks that a person has named */
  constructor(node: string, excluded: readonly Network[]) {
    super();
    this.#node = node;
    this.networks = [...excluded];
    this.#known = new Set(excluded.map(formatNetwork));
  }

  /** The node's user, where it is one that does nothing else. */
  get user(): number | undefined {
    return this.#user;
  }

  /** Whether there is anything that tells the mesh's traffic from other traffic. */
  get isKnown(): boolean {
    return this.#user !== undefined || this.networks.length > 0;
  }

  /** Looks and asks again. @returns the networks that are new, and whether anything is */
  async learn(): Promise<{ networks: Network[]; changed: boolean }> {
    const user = await nodeUser(this.#node);
    const newUser = user !== undefined && user !== this.#user;
    if (newUser) this.#user = user;
    const found = [...(await nodeAddress(this.#node)), ...(await this.#ask())];
    const networks = found.filter((network) => !this.#known.has(formatNetwork(network)));
    for (const network of networks) this.#known.add(formatNetwork(network));
    this.networks.push(...networks);
    return { networks, changed: newUser || networks.length > 0 };
  }

  /** A node that does not answer says nothing new; it is said once that it does not. */
  async #ask(): Promise<Network[]> {
    try {
      const found = await meshAddresses(this.#node);
      this.#failing = false;
      return found;
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      if (!this.#failing)
        this.emit('problem', new Error(`the addresses of the mesh are not known now: ${why}`, { cause }));
      this.#failing = true;
      return [];
    }
  }
}
