import {
  type LinkReport,
  managerMethods,
  nodeMethods,
  pathsShape,
  peersShape,
  rulesShape,
} from '../../../services/net/control/messages.ts';
import type { EndRule } from '../../../services/net/control/rules.ts';
import type { Identity, PublicKey } from '../../../services/net/keys.ts';
import { tcp } from '../../../services/net/transport/tcp.ts';
import { ManagerLink } from '../../../services/node/manager-link.ts';
import { Neighbours } from '../../../services/node/neighbours.ts';
import { Switch } from '../../../services/node/switch/switch.ts';
import type { Peer as Caller } from '../../../services/signal/jsonrpc.ts';

export interface BareNodeOptions {
  identity: Identity;
  name: string;
  /** The only neighbour. */
  neighbour: PublicKey;
  manager: { key: PublicKey; address: string };
  /** Told of each path that ends here. */
  onPath(carrier: Switch, rule: EndRule): void;
}

const anything = { parse: (value: unknown) => value };

/**
 * A node that has links and a manager and does what its rules say, but has no circuits: what goes over its paths is
 * whatever it is given. It runs until its process ends.
 */
export class BareNode {
  readonly #switch = new Switch();
  readonly #manager: ManagerLink;
  readonly #neighbours: Neighbours;
  readonly #onPath: BareNodeOptions['onPath'];
  #reports: NodeJS.Timeout | undefined;

  constructor({ identity, name, neighbour, manager, onPath }: BareNodeOptions) {
    this.#onPath = onPath;
    this.#neighbours = new Neighbours({
      ...{ identity, transport: tcp, addresses: [] },
      admit: (key) => key === neighbour,
    });
    this.#manager = new ManagerLink({
      ...{ identity, transport: tcp, address: manager.address },
      isManager: (key) => key === manager.key,
      ...{ learns: false, members: { list: undefined, offer: () => false } },
      hello: () => ({ name, version: 'bench', addresses: [], rules: this.#switch.rules, list: 0 }),
      serve: (peer) => this.#serve(peer),
    });
    this.#neighbours.on('link', (link) => {
      this.#switch.addLink(link);
      this.#report();
    });
    this.#manager.on('welcome', ({ peers, reportMs }) => {
      this.#neighbours.setPeers(peers);
      clearInterval(this.#reports);
      this.#reports = setInterval(() => this.#report(), reportMs);
      this.#report();
    });
  }

  async start(): Promise<void> {
    await this.#neighbours.start();
    this.#manager.start();
  }

  /** Asks for a circuit with another node. @throws {RpcError} while there is no way to it */
  async open(circuit: string, to: PublicKey): Promise<void> {
    await this.#manager.call(managerMethods.open, { circuit, to }, anything);
  }

  #serve(peer: Caller): void {
    peer.handle(nodeMethods.peers, peersShape, ({ peers }) => this.#neighbours.setPeers(peers));
    peer.handle(nodeMethods.addRules, rulesShape, ({ rules }) => {
      for (const rule of rules) {
        this.#switch.addRule(rule);
        if ('next' in rule) this.#onPath(this.#switch, rule);
      }
    });
    peer.handle(nodeMethods.removeRules, pathsShape, ({ paths }) => {
      for (const path of paths) this.#switch.removeRule(path);
    });
  }

  #report(): void {
    if (!this.#manager.connected) return;
    const links = this.#switch.links.map((link): LinkReport => {
      const { rtt, loss, load, sent } = link.figures;
      return { ...{ neighbour: link.remote, rtt, loss, load, sent }, forwarded: 0 };
    });
    // A manager that is lost ends the measurement by itself: no path comes about, or the one there is goes on.
    this.#manager.call(managerMethods.links, { links, inUse: [] }, anything).catch((error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
    });
  }
}
