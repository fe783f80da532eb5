import { table } from '../../services/viscript/commands/format.ts';
import type { Names } from './names-file.ts';
import type { Roots } from './ports/adapters.ts';
import { Plugged } from './ports/plugged.ts';
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
  const plugged = await Plugged.look(roots);
  const nameOf = (socket: string) => [...names].find(([, { port }]) => plugged.same(port, socket))?.[0] ?? '';
  const adapters = plugged.adapters.map(({ name: socket, ...adapter }): ListedPort => {
    return { ...adapter, socket, name: nameOf(socket) };
  });
  const absent = [...names].filter(([, { port }]) => plugged.at(port) === undefined);
  return [...adapters, ...absent.map(([name, { port }]) => unknown(name, port))];
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
