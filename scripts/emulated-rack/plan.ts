import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Forward } from '../../image/qemu/index.ts';
import { rackFiles } from '../../image/rack/files.ts';
import { type Added, addBoards, createRack } from '../../image/rack/rack.ts';
import { MANAGER_PORT, NODE_PORT } from '../../image/rack/told.ts';
import type { PublicKey } from '../../services/net/keys.ts';
import type { Role } from '../../services/net/membership.ts';
import { freePorts } from '../lib/free-ports.ts';
import type { MeshEnd } from '../lib/mesh-entries.ts';

/** One board in QEMU, and what it is told of its rack. */
export interface RackBoard {
  /** From 1: the key by which its plug is pulled. */
  number: number;
  name: string;
  key: PublicKey;
  /** Its hardware address on the hub. */
  mac: string;
  forwards: Forward[];
  /** systemd credentials by name: see `image/rootfs-overlay/usr/lib/tmpfiles.d/skyminer.conf`. */
  credentials: Record<string, string>;
}

/** A node on this machine, behind its loopback: it reaches the boards by ports that QEMU forwards. */
export interface OuterNode extends MeshEnd {
  keyFile: string;
}

/** A rack of boards in QEMU between two nodes on this machine. */
export interface EmulatedRack {
  rack: PublicKey;
  membersFile: string;
  /** `KEY@HOST:PORT` of the manager, as this machine reaches it. */
  manager: string;
  boards: RackBoard[];
  client: OuterNode;
  server: OuterNode;
}

/** Most boards: each takes 512 MB, and a digit. */
export const MAX_BOARDS = 8;

/** The boards' addresses on the hub: documentation's TEST-NET-1 (RFC 5737), which is nobody's. */
const NETWORK = '192.0.2';
const [CLIENT, SERVER] = ['client', 'server'];

/** Makes a rack in a folder: a key for each board and for both nodes here, and the list of them. The first manages. */
export async function planRack(folder: string, count: number): Promise<EmulatedRack> {
  const rackFolder = join(folder, 'rack');
  const passphrase = randomBytes(16).toString('hex');
  await createRack(rackFolder, passphrase);
  const names = Array.from({ length: count }, (_, index) => `board${index + 1}`);
  const wanted = [...names, CLIENT, SERVER].map((board, index) => ({ board, roles: rolesOf(index) }));
  const { membership, added } = await addBoards(rackFolder, passphrase, wanted);
  const [managerPort = 0, ...nodePorts] = await freePorts(count + 1);
  const boards = added.slice(0, count);
  const managerKey = boards[0]?.member.key;
  const { publicKey, members } = rackFiles(rackFolder);
  const texts = { rack: await readFile(publicKey, 'utf8'), members: await readFile(members, 'utf8') };
  const outer = (index: number): OuterNode => outerNode(folder, added[count + index]);
  return {
    rack: membership.rack,
    membersFile: members,
    manager: `${managerKey}@127.0.0.1:${managerPort}`,
    boards: await Promise.all(
      boards.map(({ member: { board: name, key }, keyFile = '' }, index) =>
        rackBoard({ name, key, keyFile, number: index + 1, port: nodePorts[index] ?? 0 }, texts, {
          key: managerKey ?? key,
          port: managerPort,
        }),
      ),
    ),
    client: outer(0),
    server: outer(1),
  };
}

function rolesOf(index: number): Role[] {
  return index === 0 ? ['node', 'manager'] : ['node'];
}

function outerNode(folder: string, added: Added | undefined): OuterNode {
  if (added === undefined) throw new Error('a node of this machine was not added');
  const { board: name, key } = added.member;
  return { name, key, keyFile: added.keyFile ?? '', socket: join(folder, `${name}.sock`) };
}

interface Place {
  name: string;
  key: PublicKey;
  keyFile: string;
  number: number;
  /** Port of this machine that leads to its node. */
  port: number;
}

async function rackBoard(
  { name, key, keyFile, number, port }: Place,
  { rack, members }: { rack: string; members: string },
  manager: { key: PublicKey; port: number },
): Promise<RackBoard> {
  const mac = `52:54:00:5b:00:${number.toString(16).padStart(2, '0')}`;
  // The first address is that of the port forwarded to it, for the nodes on this machine; other boards find nobody there.
  const listen = [`127.0.0.1:${port}`, `0.0.0.0:${NODE_PORT}`];
  const mesh = { board: name, manager: `${manager.key}@${NETWORK}.1:${MANAGER_PORT}`, listen };
  return {
    ...{ number, name, key, mac },
    forwards: [
      { here: port, board: NODE_PORT },
      ...(number === 1 ? [{ here: manager.port, board: MANAGER_PORT }] : []),
    ],
    credentials: {
      'skyminer.rack': rack,
      'skyminer.members': members,
      'skyminer.mesh': stringify(mesh),
      'skyminer.identity': await readFile(keyFile, 'utf8'),
      'skyminer.network': `[Match]\nMACAddress=${mac}\n[Network]\nAddress=${NETWORK}.${number}/24\n`,
    },
  };
}
