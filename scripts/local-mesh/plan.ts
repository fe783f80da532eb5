import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { rackFiles } from '../../image/rack/files.ts';
import { addBoards, createRack } from '../../image/rack/rack.ts';
import type { PublicKey } from '../../services/net/keys.ts';
import { freePorts } from '../lib/free-ports.ts';
import { neighboursOf } from './topology.ts';

export interface LocalNode {
  name: string;
  key: PublicKey;
  keyFile: string;
  /** HOST:PORT. */
  address: string;
  /** Unix socket for its apps. */
  socket: string;
  neighbours: PublicKey[];
}

/** All that a mesh on this machine is made of. */
export interface LocalMesh {
  rack: PublicKey;
  membersFile: string;
  /** HOST:PORT. */
  tracker: string;
  manager: { key: PublicKey; keyFile: string; address: string };
  nodes: LocalNode[];
}

const MANAGER = 'manager';

/** Makes a rack of its own in a folder: keys for a manager and so many nodes, and the list of them. */
export async function planMesh(folder: string, count: number): Promise<LocalMesh> {
  const rackFolder = join(folder, 'rack');
  const passphrase = randomBytes(16).toString('hex');
  const names = Array.from({ length: count }, (_, index) => `node${index + 1}`);
  await createRack(rackFolder, passphrase);
  const { membership, added } = await addBoards(rackFolder, passphrase, [
    { board: MANAGER, roles: ['manager', 'apptracker'] },
    ...names.map((board) => ({ board, roles: ['node'] as const })),
  ]);
  const [trackerPort, managerPort, ...ports] = await freePorts(count + 2);
  const [manager, ...nodes] = added.map(({ member: { board: name, key }, keyFile = '' }) => ({
    name,
    key,
    keyFile,
  }));
  if (manager === undefined) throw new Error('no board was added');
  const neighbours = neighboursOf(count);
  return {
    rack: membership.rack,
    membersFile: rackFiles(rackFolder).members,
    tracker: `127.0.0.1:${trackerPort}`,
    manager: { key: manager.key, keyFile: manager.keyFile, address: `127.0.0.1:${managerPort}` },
    nodes: nodes.map((node, index) => ({
      ...node,
      address: `127.0.0.1:${ports[index]}`,
      socket: join(folder, `${node.name}.sock`),
      neighbours: (neighbours[index] ?? []).flatMap((number) => nodes[number]?.key ?? []),
    })),
  };
}
