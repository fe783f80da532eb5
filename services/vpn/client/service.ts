import { EventEmitter } from 'node:events';
import { MissingProgram } from '../system/command.ts';
import { hasTable, removeTable } from '../system/firewall.ts';
import { engageKillSwitch } from '../system/kill-switch.ts';
import { nftTable, routingNumber } from '../system/names.ts';
import { TunDevice } from '../tun/device.ts';
import { Bypass } from './bypass.ts';
import { VpnClient } from './client.ts';
import type { Dialer } from './connection.ts';
import type { ClientOptions } from './options.ts';
import { Tunnel } from './tunnel.ts';

/** A client with all that it changes on this machine: made in order, undone in reverse order. */
export class ClientService extends EventEmitter<{
  up: [addresses: string[]];
  down: [reason: string];
  problem: [error: Error];
  /** The interface was removed by somebody else: nothing can be carried any more. */
  lost: [error: Error];
}> {
  readonly #options: ClientOptions;
  readonly #table: string;
  readonly #device: TunDevice;
  readonly #bypass: Bypass;
  readonly #tunnel: Tunnel;
  #client: VpnClient | undefined;

  /**
   * Takes the interface and tidies up behind a run that was killed. The interface comes first: where another client uses it,
   * nothing of that one is touched.
   * @throws {TunError | MissingProgram | CommandFailed}
   */
  static async prepare(options: ClientOptions): Promise<ClientService> {
    const device = await TunDevice.open(options.device);
    try {
      const service = new ClientService(options, device);
      await service.#tunnel.clean();
      if (!options.killSwitch) await service.#removeLeftKillSwitch();
      return service;
    } catch (error) {
      device.close();
      throw error;
    }
  }

  private constructor(options: ClientOptions, device: TunDevice) {
    super();
    this.#options = options;
    this.#table = nftTable(options.name);
    this.#device = device;
    this.#bypass = new Bypass(options.node, options.exclude);
    this.#tunnel = new Tunnel({ device: options.device, table: routingNumber(options.name) });
    this.#tunnel.on('problem', (error) => this.emit('problem', error));
    this.#bypass.on('problem', (error) => this.emit('problem', error));
    device.start({
      onTrains: (trains) => {
        if (this.#client?.fromKernel(trains) === false) device.pause();
      },
      onLost: (error) => this.emit('lost', error),
    });
  }

  /**
   * Closes the kill switch, if there is to be one and it is known what the mesh needs; one that a killed run left behind
   * stays closed until then.
   */
  async protect(): Promise<void> {
    await this.#tunnel.except(this.#bypass.networks, this.#bypass.user);
    const { changed } = await this.#learn();
    if (!changed && this.#bypass.isKnown && !(await this.#isProtected())) await this.#engage();
  }

  /** Connects and keeps connected. */
  start(mesh: Dialer): void {
    const { server, allowedIps: routes, dns, mtu } = this.#options;
    this.#client = new VpnClient({
      ...{ mesh, server, routes, dns, mtu },
      configure: (config) => this.#tunnel.configure(config),
      toKernel: (train) => this.#device.write(train),
      onTurn: async () => {
        await this.#learn();
      },
    });
    this.#client.on('up', (addresses) => this.emit('up', addresses));
    this.#client.on('down', (reason) => this.emit('down', reason));
    this.#client.on('drain', () => this.#device.resume());
    this.#client.on('problem', (error) => this.emit('problem', error));
    this.#client.start();
  }

  get metrics(): Record<string, number> {
    return { ...this.#client?.figures, droppedPackets: this.#device.dropped };
  }

  /** Leaves the machine as it was; only a kill switch can be left closed. */
  async stop({ keepKillSwitch = false } = {}): Promise<void> {
    try {
      await this.#client?.stop();
      await this.#tunnel.clean();
    } finally {
      this.#device.close();
      if (this.#options.killSwitch && !keepKillSwitch) await removeTable(this.#table);
    }
  }

  async #learn(): Promise<{ changed: boolean }> {
    const { networks, changed } = await this.#bypass.learn();
    await this.#tunnel.except(networks, this.#bypass.user);
    if (changed) await this.#engage();
    return { changed };
  }

  async #engage(): Promise<void> {
    if (!this.#options.killSwitch) return;
    const { networks, user } = this.#bypass;
    await engageKillSwitch({
      table: this.#table,
      device: this.#options.device,
      except: networks,
      exceptUser: user,
    });
  }

  async #isProtected(): Promise<boolean> {
    return this.#options.killSwitch && (await hasTable(this.#table));
  }

  async #removeLeftKillSwitch(): Promise<void> {
    try {
      if (await hasTable(this.#table)) await removeTable(this.#table);
    } catch (error) {
      // Without nft there was never one.
      if (!(error instanceof MissingProgram)) throw error;
    }
  }
}
