import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import type { Roots } from '../../../scripts/console/ports/adapters.ts';

/** An adapter as it is plugged in. */
export interface PluggedAdapter {
  /** Controllers, buses and hubs on the way, below `/sys/devices`; the last one is the adapter. */
  at: string;
  id?: string;
  product?: string;
  /** None, as many have. */
  serial?: string;
  driver: string;
  /** Name of the terminal, interface, and number of the port on it where the driver says one. */
  ports: readonly { tty: string; interface: number; port?: number }[];
}

/** A made-up `/sys` and `/dev`, laid out as Linux 6.12 has them, in which adapters come and go. */
export class Machine implements AsyncDisposable {
  readonly roots: Roots;
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
    this.roots = { sys: join(folder, 'sys'), dev: join(folder, 'dev') };
  }

  static async make(): Promise<Machine> {
    const machine = new Machine(await mkdtemp(join(tmpdir(), 'machine-')));
    await mkdir(machine.roots.dev, { recursive: true });
    await mkdir(join(machine.roots.sys, 'class/tty'), { recursive: true });
    await mkdir(join(machine.roots.sys, 'devices'), { recursive: true });
    // Every machine has terminals that are no serial ports, and ports on its board.
    await mkdir(join(machine.roots.sys, 'devices/virtual/tty/tty0'), { recursive: true });
    await machine.#link('class/tty/tty0', 'devices/virtual/tty/tty0');
    await mkdir(join(machine.roots.sys, 'devices/platform/serial8250/tty/ttyS0'), { recursive: true });
    await machine.#link('class/tty/ttyS0', 'devices/platform/serial8250/tty/ttyS0');
    await machine.#link('devices/platform/serial8250/tty/ttyS0/device', 'devices/platform/serial8250');
    return machine;
  }

  /** @param devices what each terminal leads to, by its name; nothing is needed where none is opened */
  async plugIn(adapter: PluggedAdapter, devices: Readonly<Record<string, string>> = {}): Promise<void> {
    const { sys, dev } = this.roots;
    const usb = join('devices', adapter.at);
    const name = usb.slice(usb.lastIndexOf('/') + 1);
    const [vendor = '', product = ''] = (adapter.id ?? '0403:6001').split(':');
    await this.#write(join(usb, 'idVendor'), vendor);
    await this.#write(join(usb, 'idProduct'), product);
    if (adapter.product !== undefined) await this.#write(join(usb, 'product'), adapter.product);
    if (adapter.serial !== undefined) await this.#write(join(usb, 'serial'), adapter.serial);
    await mkdir(join(sys, 'bus/drivers', adapter.driver), { recursive: true });
    for (const { tty, interface: number, port } of adapter.ports) {
      const hasOwnDevice = port !== undefined;
      const device = join(usb, `${name}:1.${number}`, hasOwnDevice ? tty : '');
      await mkdir(join(sys, device, 'tty', tty), { recursive: true });
      if (hasOwnDevice) await this.#write(join(device, 'port_number'), String(port));
      await this.#link(join(device, 'driver'), join('bus/drivers', adapter.driver));
      await this.#link(join(device, 'tty', tty, 'device'), device);
      await this.#link(join('class/tty', tty), join(device, 'tty', tty));
      const leadsTo = devices[tty];
      if (leadsTo !== undefined) await symlink(leadsTo, join(dev, tty));
    }
  }

  async unplug({ at, ports }: PluggedAdapter): Promise<void> {
    const { sys, dev } = this.roots;
    for (const { tty } of ports) {
      await rm(join(sys, 'class/tty', tty));
      await rm(join(dev, tty), { force: true });
    }
    await rm(join(sys, 'devices', at), { recursive: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true });
  }

  async #write(path: string, text: string): Promise<void> {
    const file = join(this.roots.sys, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, `${text}\n`);
  }

  async #link(path: string, target: string): Promise<void> {
    const link = join(this.roots.sys, path);
    await rm(link, { force: true });
    await symlink(relative(dirname(link), join(this.roots.sys, target)), link);
  }
}
