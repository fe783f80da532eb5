import { EventEmitter } from 'node:events';
import type { MeshChannel, MeshStream } from '../../mesh/types.ts';
import { contains, formatIp, type Network } from '../../net/ip.ts';
import type { PublicKey } from '../../net/keys.ts';
import { familyOfNetwork } from '../networks.ts';
import { type Pool, SERVER_PLACE } from '../pool.ts';
import { removeTable } from '../system/firewall.ts';
import { hasIPv6, requireForwarding } from '../system/forwarding.ts';
import { configureInterface, setMtu } from '../system/interface.ts';
import { nftTable } from '../system/names.ts';
import { installServerFirewall } from '../system/server-firewall.ts';
import { TunDevice } from '../tun/device.ts';
import { leaseFile, readLeases, writeLeases } from './lease-file.ts';
import { Leases } from './leases.ts';
import type { ServerOptions } from './options.ts';
import { VpnServer } from './server.ts';

/** A server with all that it changes on this machine: made in order, undone in reverse order. */
export class ServerService extends EventEmitter<{
  joined: [node: PublicKey, addresses: string[]];
  left: [node: PublicKey];
  problem: [error: Error];
  /** The interface was removed by somebody else: nothing can be carried any more. */
  lost: [error: Error];
}> {
  readonly #options: ServerOptions;
  readonly #device: TunDevice;
  readonly #server: VpnServer;
  readonly #leases: Leases;
  readonly #leaseFile: string;
  #writing = Promise.resolve();

  /** @throws {TunError | ForwardingOff | MissingProgram | CommandFailed} */
  static async start(asked: ServerOptions, environment: NodeJS.ProcessEnv): Promise<ServerService> {
    const options = await whatThisMachineCan(asked);
    await requireWhatIsOffered(options);
    const file = leaseFile(options.name, environment);
    const stored = await readLeases(file);
    const device = await TunDevice.open(options.device);
    try {
      const leases = new Leases(Math.min(...options.pools.map(({ places }) => places)), stored);
      const service = new ServerService(options, device, leases, file);
      await service.#configure();
      return service;
    } catch (error) {
      device.close();
      throw error;
    }
  }

  private constructor(options: ServerOptions, device: TunDevice, leases: Leases, file: string) {
    super();
    this.#options = options;
    this.#device = device;
    this.#leases = leases;
    this.#leaseFile = file;
    this.#server = new VpnServer({ ...options, leases, toKernel: (train) => device.write(train) });
    this.#server.on('joined', (node, addresses) =>
      this.emit(
        'joined',
        node,
        addresses.map(({ bytes }) => formatIp(bytes)),
      ),
    );
    this.#server.on('left', (node) => this.emit('left', node));
    this.#server.on('spoofing', (node) =>
      this.emit(
        'problem',
        new Error(`${node} sends packets from addresses that are not its own; they are dropped`),
      ),
    );
    this.#server.on('drain', () => device.resume());
    this.#server.on('leased', () => this.#keepLeases());
    this.#server.on('mtu', (bytes) => this.#report('the MTU', setMtu(options.device, bytes)));
    device.start({
      onTrains: (trains) => {
        if (!this.#server.fromKernel(trains)) device.pause();
      },
      onLost: (error) => this.emit('lost', error),
    });
  }

  onStream(stream: MeshStream): Promise<void> {
    return this.#server.onStream(stream);
  }

  onChannel(channel: MeshChannel): void {
    this.#server.onChannel(channel);
  }

  get clients(): number {
    return this.#server.clients;
  }

  get metrics(): Record<string, number> {
    const { figures, refusals, clients } = this.#server;
    return { clients, ...figures, ...refusals, droppedPackets: this.#device.dropped };
  }

  /** Leaves the machine as it was. */
  async stop(): Promise<void> {
    this.#server.stop();
    this.#device.close();
    await this.#writing;
    await removeTable(nftTable(this.#options.name));
  }

  async #configure(): Promise<void> {
    const { device, pools, mtu } = this.#options;
    const addresses = pools.map((pool) => ({ ...pool.address(SERVER_PLACE), prefix: pool.network.prefix }));
    await installServerFirewall({
      ...this.#options,
      table: nftTable(this.#options.name),
      pools: pools.map(({ network }) => network),
    });
    await configureInterface(device, addresses, mtu);
  }

  /** One write after the other: the file is replaced as a whole. */
  #keepLeases(): void {
    this.#writing = this.#writing.then(() =>
      this.#report('the file of clients', writeLeases(this.#leaseFile, this.#leases.stored)),
    );
  }

  async #report(what: string, work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      this.emit('problem', new Error(`cannot change ${what}: ${why}`, { cause }));
    }
  }
}

/** The options without what is of IPv6, where this machine has none. */
async function whatThisMachineCan(options: ServerOptions): Promise<ServerOptions> {
  const isDual = await hasIPv6();
  const pools = options.pools.filter(({ family }) => family === 4 || isDual);
  const families = new Set(pools.map(({ family }) => family));
  const routes = options.routes.filter((network) => families.has(familyOfNetwork(network)));
  return { ...options, pools, routes: withPools(routes, pools) };
}

/** The networks of the tunnel itself are always reached through it. */
function withPools(routes: readonly Network[], pools: readonly Pool[]): Network[] {
  const others = pools.filter(({ network }) => !routes.some((route) => contains(route, network.bytes)));
  return [...routes, ...others.map(({ network }) => network)];
}

/** @throws {ForwardingOff} */
async function requireWhatIsOffered({ routes, pools }: ServerOptions): Promise<void> {
  for (const { family, network } of pools) {
    const ofFamily = routes.filter((route) => familyOfNetwork(route) === family);
    const beyond = ofFamily.some((route) => route.prefix < network.prefix || !contains(network, route.bytes));
    if (beyond) await requireForwarding(family);
  }
}
