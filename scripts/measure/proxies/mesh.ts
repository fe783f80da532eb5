import { join } from 'node:path';
import { type Command, commandOfScript } from '../../../services/viscript/supervisor/script.ts';
import { freePorts } from '../../lib/free-ports.ts';
import { planMesh } from '../../local-mesh/plan.ts';
import { listens, type SocksProxy, startProgram, stopProgram } from './proxy.ts';

export interface MeshProxyOptions {
  /** Folder with the bundled apps. */
  apps: string;
  /** An empty folder for what the mesh keeps. */
  folder: string;
  /** Nodes in a line; SOCKS goes from the first to the last. */
  nodes: number;
  name: string;
}

export interface MeshProxy extends SocksProxy {
  /** Its processes by name: `nm`, `node1` and so on, `server` and `client`. */
  pids: ReadonlyMap<string, number>;
}

/** Our own SOCKS over a line of nodes, each in a process of its own, the apps at its ends too. */
export async function startMesh(options: MeshProxyOptions, stack: AsyncDisposableStack): Promise<MeshProxy> {
  const { apps, folder, nodes, name } = options;
  const mesh = await planMesh(folder, nodes);
  const [port = 0] = await freePorts(1);
  const rack = ['--members', mesh.membersFile, '--rack', mesh.rack];
  const pids = new Map<string, number>();
  const start = (app: string, args: readonly string[], id: string) => {
    const { file, leading } = appCommand(apps, app);
    const child = startProgram(file, [...leading, ...args], {
      STATE_DIRECTORY: join(folder, id),
    });
    stack.defer(() => stopProgram(child));
    if (child.pid !== undefined) pids.set(id, child.pid);
  };
  const { manager } = mesh;
  start('meshnet-nm', ['bench', manager.address, '-', '--key', manager.keyFile, ...rack], 'nm');
  for (const [index, node] of mesh.nodes.entries()) {
    const beside = [mesh.nodes[index - 1], mesh.nodes[index + 1]].flatMap((each) => each?.key ?? []);
    start(
      'meshnet-node',
      [
        ...[node.address, `${manager.key}@${manager.address}`, 'true', node.socket, node.name],
        ...['--key', node.keyFile, ...rack, ...beside.flatMap((key) => ['--neighbour', key])],
      ],
      node.name,
    );
  }
  const [first, last] = [mesh.nodes[0], mesh.nodes.at(-1)];
  if (first === undefined || last === undefined) throw new Error('a mesh has two nodes at least');
  start('meshnet-socks-server', ['socks-server', last.socket, '0', '--allow', '127.0.0.0/8'], 'server');
  start(
    'meshnet-socks-client',
    ['socks-client', first.socket, String(port), '--server', `${last.key}/socks-server`],
    'client',
  );
  await listens(port, name);
  return { name, port, pids };
}

/** How a bundled app is started, as viscript does it. */
export function appCommand(apps: string, app: string): Command {
  return commandOfScript(join(apps, `${app}.js`));
}
