import { stringify } from 'yaml';
import { meshEntry, socksEntries } from '../lib/mesh-entries.ts';
import type { LocalMesh, LocalNode } from './plan.ts';

/**
 * The config file with which viscript runs this mesh: every app starts by itself, after what it needs.
 *
 * @param socksPort port of 127.0.0.1 for SOCKS at the first node; the last one has the SOCKS server
 */
export function meshConfig(mesh: LocalMesh, socksPort: number): string {
  const [first] = mesh.nodes;
  const last = mesh.nodes.at(-1);
  if (first === undefined || last === undefined) throw new Error('a mesh has two nodes at least');
  const rack = ['--members', mesh.membersFile, '--rack', mesh.rack];
  const { manager } = mesh;
  const apps = {
    apptracker: meshEntry('apptracker', [mesh.tracker], []),
    'meshnet-nm': meshEntry(
      'meshnet-nm',
      ['local.mesh', manager.address, mesh.tracker, '--key', manager.keyFile, ...rack],
      ['apptracker'],
    ),
    ...Object.fromEntries(mesh.nodes.map((node) => [node.name, nodeEntry(node, mesh, rack)])),
    ...socksEntries(first, last, socksPort),
  };
  return stringify({ apps }, { lineWidth: 0 });
}

function nodeEntry(node: LocalNode, { manager }: LocalMesh, rack: readonly string[]) {
  return meshEntry(
    'meshnet-node',
    [
      ...[node.address, `${manager.key}@${manager.address}`, 'true', node.socket, node.name],
      ...['--key', node.keyFile, ...rack, ...node.neighbours.flatMap((key) => ['--neighbour', key])],
    ],
    ['meshnet-nm'],
  );
}
