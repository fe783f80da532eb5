import { stringify } from 'yaml';
import type { LocalMesh, LocalNode } from './plan.ts';

/** What SOCKS clients connect to, and which app of the mesh the SOCKS server is. */
export interface SocksEnds {
  /** Port of 127.0.0.1. */
  port: number;
  serverName: string;
}

/** The config file with which viscript runs this mesh: every app starts by itself, after what it needs. */
export function meshConfig(mesh: LocalMesh, socks: SocksEnds): string {
  const [first] = mesh.nodes;
  const last = mesh.nodes.at(-1);
  if (first === undefined || last === undefined) throw new Error('a mesh has two nodes at least');
  const rack = ['--members', mesh.membersFile, '--rack', mesh.rack];
  const { manager } = mesh;
  const apps = {
    apptracker: entry('apptracker', [mesh.tracker], []),
    'meshnet-nm': entry(
      'meshnet-nm',
      ['local.mesh', manager.address, mesh.tracker, '--key', manager.keyFile, ...rack],
      ['apptracker'],
    ),
    ...Object.fromEntries(mesh.nodes.map((node) => [node.name, nodeEntry(node, mesh, rack)])),
    'socks-server': entry(
      'meshnet-socks-server',
      [socks.serverName, last.socket, '0', '--allow', '127.0.0.0/8'],
      [last.name],
    ),
    'socks-client': entry(
      'meshnet-socks-client',
      ['socks-client', first.socket, String(socks.port), '--server', `${last.key}/${socks.serverName}`],
      [first.name, 'socks-server'],
    ),
  };
  return stringify({ apps }, { lineWidth: 0 });
}

function nodeEntry(node: LocalNode, { manager }: LocalMesh, rack: readonly string[]) {
  return entry(
    'meshnet-node',
    [
      ...[node.address, `${manager.key}@${manager.address}`, 'true', node.socket, node.name],
      ...['--key', node.keyFile, ...rack, ...node.neighbours.flatMap((key) => ['--neighbour', key])],
    ],
    ['meshnet-nm'],
  );
}

function entry(path: string, args: readonly string[], needs: readonly string[]) {
  return { path, default_args: args, daemon: true, autostart: true, depends_on: needs };
}
