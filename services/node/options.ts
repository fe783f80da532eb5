import { hostname } from 'node:os';
import { join } from 'node:path';
import { type Address, isLoopback } from '../net/address.ts';
import type { PublicKey } from '../net/keys.ts';
import { UsageError } from '../program/usage.ts';
import { addressOf, hostPortOf, keyOf } from '../program/values.ts';
import { parseWords } from '../program/words.ts';
import { stateFolder } from '../signal/state-folder.ts';

export const help = `meshnet-node NODEADDR MANAGERADDR CONNECT APPPORT [HOSTNAME] [OPTIONS]

A node of the mesh: keeps links with other nodes, carries circuits over them, and serves the apps at this machine.

NODEADDR      where other nodes reach this one, HOST:PORT; 0.0.0.0:PORT for all addresses of this machine,
              - for a node behind a router, which is reached through those it dials
MANAGERADDR   KEY@HOST:PORT of the node manager; HOST:PORT alone with --rack: whoever is a manager there
CONNECT       true: dials other nodes; false: waits for them to dial
APPPORT       where apps reach this node: a port on loopback, or the path of a Unix socket
HOSTNAME      name of this node, for people

--key FILE        identity of this node; made when it is not there
--members FILE    list of the rack's members, who are admitted; a newer one that the manager has is taken over
--rack KEY        the rack's public key, which has signed that list
--peer KEY        admits one more node, as if it belonged to the rack; may be given several times
--address ADDR    one more address to listen on, HOST:PORT; may be given several times
--neighbour KEY   has links with these nodes only; may be given several times
`;

export interface Options {
  /** `HOST:PORT` each. */
  addresses: string[];
  manager: string;
  managerKey: PublicKey | undefined;
  dials: boolean;
  apps: { path: string } | { tcp: Address };
  name: string;
  keyFile: string;
  members: string | undefined;
  rack: PublicKey | undefined;
  peers: PublicKey[];
  neighbours: PublicKey[];
  /** Folder for what this node keeps. */
  folder: string;
}

/** @throws {UsageError} */
export function parseOptions(argv: readonly string[], environment: NodeJS.ProcessEnv): Options {
  const { args, values } = parseWords(argv, {
    required: ['NODEADDR', 'MANAGERADDR', 'CONNECT', 'APPPORT'],
    optional: ['HOSTNAME'],
    options: {
      key: { type: 'string' },
      members: { type: 'string' },
      rack: { type: 'string' },
      peer: { type: 'string', multiple: true, default: [] },
      address: { type: 'string', multiple: true, default: [] },
      neighbour: { type: 'string', multiple: true, default: [] },
    },
  });
  const { NODEADDR: address, CONNECT: connects, HOSTNAME: name = hostname() } = args;
  if (connects !== 'true' && connects !== 'false')
    throw new UsageError(`CONNECT is ${JSON.stringify(connects)}: give true or false`);
  if (!/^[\w.-]{1,64}$/.test(name)) throw new UsageError(`HOSTNAME ${JSON.stringify(name)} is no name`);
  const { members, rack } = values;
  if (members !== undefined && rack === undefined)
    throw new UsageError('--members needs --rack: the key that has signed the list');
  const folder = stateFolder('meshnet-node', environment);
  const given = address === '-' ? [] : [hostPortOf('NODEADDR', address)];
  const named = managerOf(args.MANAGERADDR);
  if (named.key === undefined && rack === undefined)
    throw new UsageError('MANAGERADDR names no key, and there is no --rack: give KEY@HOST:PORT');
  return {
    addresses: [...given, ...values.address.map((each) => hostPortOf('--address', each))],
    manager: named.address,
    managerKey: named.key,
    dials: connects === 'true',
    apps: appsOf(args.APPPORT),
    name,
    keyFile: values.key ?? join(folder, 'identity.key'),
    members,
    rack: rack === undefined ? undefined : keyOf('--rack', rack),
    peers: values.peer.map((key) => keyOf('--peer', key)),
    neighbours: values.neighbour.map((key) => keyOf('--neighbour', key)),
    folder,
  };
}

function managerOf(text: string): { key: PublicKey | undefined; address: string } {
  const at = text.indexOf('@');
  if (at === -1) return { key: undefined, address: hostPortOf('MANAGERADDR', text) };
  return {
    key: keyOf('MANAGERADDR', text.slice(0, at)),
    address: hostPortOf('MANAGERADDR', text.slice(at + 1)),
  };
}

function appsOf(text: string): Options['apps'] {
  if (text.includes('/')) return { path: text };
  const address = addressOf('APPPORT', text);
  if (!isLoopback(address))
    throw new UsageError(
      `APPPORT ${text} is reached from other machines: apps speak to a node on loopback only`,
    );
  return { tcp: address };
}
