import { table } from '../../services/viscript/commands/format.ts';
import type { Names } from './names-file.ts';
import { findAdapters, type Roots } from './ports/adapters.ts';
import { inSocket } from './ports/port.ts';
import { isSocketName } from './ports/socket.ts';

/** A port as `skyminer console --list` shows it; empty texts where nothing is known. */
export interface ListedPort {
  /** The owner's name. */
  name: string;
  /** The socket, or the path of an on-board port; what a name can be given to. */
  socket: string;
  device: string;
  driver: string;
  /** Vendor and product. */
  id: string;
  serial: string;
  product: string;
  /** The socket by its controller. */
  byController: string;
  /** Every controller and hub on the way. */
  topology: string;
}

/** All adapters that are plugged in, and all ports that have a name, plugged in or not. */
export async function listPorts(names: Names, roots: Roots): Promise<ListedPort[]> {
  const adapters = await findAdapters(roots);
  const nameOf = (...places: string[]) => [...names].find(([, { port }]) => places.includes(port))?.[0] ?? '';
  const plugged = adapters.map(({ name: socket, ...adapter }): ListedPort => {
    return { ...adapter, socket, name: nameOf(socket, adapter.byController) };
  });
  const absent = [...names].filter(([, { port }]) => inSocket(adapters, port) === undefined);
  return [...plugged, ...absent.map(([name, { port }]) => unknown(name, port))];
}

/** The list as a table for people. */
export function listText(ports: readonly ListedPort[]): string {
  if (ports.length === 0) return 'No USB serial adapter is plugged in, and no port has a name.\n';
  const head = ['NAME', 'SOCKET', 'DEVICE', 'DRIVER', 'ID', 'SERIAL', 'PRODUCT', 'TOPOLOGY'];
  const rows = ports.map((port) => [
    ...[port.name, port.socket, port.device, port.driver, port.id, port.serial, port.product],
    port.topology,
  ]);
  return table(
    head,
    rows.map((row) => row.map((cell) => cell || '-')),
  );
}

function unknown(name: string, port: string): ListedPort {
  const device = isSocketName(port) ? '' : port;
  const nothing = { driver: '', id: '', serial: '', product: '', byController: '', topology: '' };
  return { name, socket: port, device, ...nothing };
}
