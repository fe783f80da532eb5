import { open, readdir, readlink, realpath } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { isMissing } from '../../../image/files.ts';
import { harmless } from '../harmless.ts';
import { socketOf, type UsbSocket } from './socket.ts';

/** Where the kernel says what there is. */
export interface Roots {
  /** `/sys` */
  sys: string;
  /** `/dev` */
  dev: string;
}

export const SYSTEM: Roots = { sys: '/sys', dev: '/dev' };

/** A serial port of a USB adapter that is plugged in. All texts are {@link harmless}. */
export interface Adapter extends UsbSocket {
  /** Path of the device, which is another one after the next plugging in: `/dev/ttyUSB0`. */
  device: string;
  /** The kernel's driver; empty where it has none yet. */
  driver: string;
  /** Vendor and product in hexadecimal: `0403:6001`. */
  id: string;
  /** What the adapter says of itself; empty where it says nothing. Many have no serial number, or all the same. */
  product: string;
  serial: string;
}

/** Characters of a text of an adapter at most; USB itself allows 126. */
const MAX_TEXT = 128;

/** The ports of all USB adapters that are plugged in, by their sockets. What is unplugged meanwhile is left out. */
export async function findAdapters(roots: Roots = SYSTEM): Promise<Adapter[]> {
  const devices = await ttysOnDevices(roots);
  const found = await Promise.all(devices.map((tty) => look(tty, devices, roots)));
  return found
    .filter((adapter) => adapter !== undefined)
    .sort((one, other) => one.name.localeCompare(other.name, 'en', { numeric: true }));
}

/** A terminal with hardware behind it. */
interface Tty {
  /** `ttyUSB0` */
  name: string;
  /** Real path of the device that it belongs to. */
  device: string;
}

async function ttysOnDevices({ sys }: Roots): Promise<Tty[]> {
  const folder = join(sys, 'class/tty');
  const names = await unlessGone(readdir(folder));
  const ttys = (names ?? []).map(async (name) => {
    const device = await unlessGone(realpath(join(folder, name, 'device')));
    return device === undefined ? undefined : { name, device };
  });
  return (await Promise.all(ttys)).filter((tty) => tty !== undefined);
}

async function look(tty: Tty, all: readonly Tty[], { sys, dev }: Roots): Promise<Adapter | undefined> {
  const devices = await unlessGone(realpath(join(sys, 'devices')));
  if (devices === undefined) return undefined;
  const socket = socketOf(relative(devices, tty.device), await portNumber(tty, all));
  if (socket === undefined) return undefined;
  const usb = dirname(join(devices, socket.topology));
  const text = (name: string) => attribute(join(usb, name));
  const [vendor, product] = [await text('idVendor'), await text('idProduct')];
  // An adapter without these has been unplugged.
  if (vendor === '' || product === '') return undefined;
  const driver = await unlessGone(readlink(join(tty.device, 'driver')));
  return {
    ...socket,
    device: join(dev, tty.name),
    driver: driver === undefined ? '' : basename(driver),
    id: `${vendor}:${product}`,
    product: await text('product'),
    serial: await text('serial'),
  };
}

/** As the driver says; where it says nothing, the place among those of the same interface. */
async function portNumber(tty: Tty, all: readonly Tty[]): Promise<number> {
  const said = await attribute(join(tty.device, 'port_number'));
  if (/^\d{1,3}$/.test(said)) return Number(said);
  const siblings = all
    .filter(({ device }) => device === tty.device)
    .map(({ name }) => name)
    .sort((one, other) => one.localeCompare(other, 'en', { numeric: true }));
  return Math.max(0, siblings.indexOf(tty.name));
}

async function attribute(path: string): Promise<string> {
  const text = await unlessGone(readStart(path));
  return harmless((text ?? '').trim()).slice(0, MAX_TEXT);
}

async function readStart(path: string): Promise<string> {
  await using file = await open(path);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(4 * MAX_TEXT));
  return buffer.toString('utf8', 0, bytesRead);
}

/** What sysfs says at a place that may vanish while it is looked at. */
async function unlessGone<T>(look: Promise<T>): Promise<T | undefined> {
  try {
    return await look;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (isMissing(error) || code === 'ENODEV' || code === 'ENXIO' || code === 'EIO' || code === 'EINVAL')
      return undefined;
    throw error;
  }
}
