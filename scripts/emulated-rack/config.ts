import { stringify } from 'yaml';
import { meshEntry, socksEntries } from '../lib/mesh-entries.ts';
import type { EmulatedRack, OuterNode } from './plan.ts';

/** The config file of what runs on this machine: a node at each end of the rack, and SOCKS between them. */
export function outerConfig(rack: EmulatedRack, socksPort: number): string {
  const { client, server } = rack;
  const apps = {
    [client.name]: nodeEntry(client, rack),
    [server.name]: nodeEntry(server, rack),
    ...socksEntries(client, server, socksPort),
  };
  return stringify({ apps }, { lineWidth: 0 });
}

/** Nobody can dial it: the boards reach nothing of this machine. So it has links with boards alone. */
function nodeEntry({ name, keyFile, socket }: OuterNode, { manager, membersFile, rack }: EmulatedRack) {
  const files = ['--key', keyFile, '--members', membersFile, '--rack', rack];
  return meshEntry('meshnet-node', ['-', manager, 'true', socket, name, ...files], []);
}
