import { hostname } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Address, AddressError, isLoopback, parseAddress } from '../net/address.ts';
import { InvalidKey, type PublicKey, parsePublicKey } from '../net/keys.ts';
import { stateFolder } from '../signal/state-folder.ts';

export const usage = `meshnet-node NODEADDR MANAGERADDR CONNECT APPPORT [HOSTNAME] [OPTIONS]

A node of the mesh: keeps links with other nodes, carries circuits over them, and serves the apps at this machine.

NODEADDR      where other nodes reach this one, HOST:PORT; 0.0.0.0:PORT for all addresses of this machine,
              - for a node behind a router, which is reached through those it dials
MANAGERADDR   KEY@HOST:PORT of the node manager; HOST:PORT alone with --rack: whoever is a manager there
CONNECT       true: dials other nodes; false: waits for them to dial
APPPORT       where apps reach this node: a port on loopback, or the path of a Unix socket
HOSTNAME      name of this node, for people

--key FILE        identity of this node; made when it is not there
--members FILE    list of the rack's members, who are admitted; newer ones come from the manager
--rack KEY        the rack's public key, which has signed that list
--peer KEY        admits one more node, as if it belonged to the rack; may be given several times
--address ADDR    one more address to listen on, HOST:PORT; may be given several times
--neighbour KEY   has links with these nodes only; may be given several times
`;

/** The command line asks for something that cannot be. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  constructor(problem: string, options?: ErrorOptions) {
    super(
      `${problem}; give meshnet-node NODEADDR MANAGERADDR CONNECT APPPORT [HOSTNAME], and see --help`,
      options,
    );
  }
}

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

/** @returns undefined when help is asked for. @throws {UsageError} */
export function parseOptions(argv: readonly string[], environment: NodeJS.ProcessEnv): Options | undefined {
  const { values, positionals } = split(argv);
  if (values.help === true) return undefined;
  const [address, manager, connects, apps, name = hostname(), ...more] = positionals;
  if (
    address === undefined ||
    manager === undefined ||
    connects === undefined ||
    apps === undefined ||
    more.length > 0
  )
    throw new UsageError(`four or five arguments are expected, not ${positionals.length}`);
  if (connects !== 'true' && connects !== 'false')
    throw new UsageError(`CONNECT is ${JSON.stringify(connects)}: give true or false`);
  if (!/^[\w.-]{1,64}$/.test(name)) throw new UsageError(`HOSTNAME ${JSON.stringify(name)} is no name`);
  const { members, rack } = values;
  if (members !== undefined && rack === undefined)
    throw new UsageError('--members needs --rack: the key that has signed the list');
  const folder = stateFolder('meshnet-node', environment);
  const given = address === '-' ? [] : [addressOf('NODEADDR', address)];
  const named = managerOf(manager);
  if (named.key === undefined && rack === undefined)
    throw new UsageError('MANAGERADDR names no key, and there is no --rack: give KEY@HOST:PORT');
  return {
    addresses: [...given, ...(values.address ?? []).map((each) => addressOf('--address', each))],
    manager: named.address,
    managerKey: named.key,
    dials: connects === 'true',
    apps: appsOf(apps),
    name,
    keyFile: values.key ?? join(folder, 'identity.key'),
    members,
    rack: rack === undefined ? undefined : keyOf('--rack', rack),
    peers: (values.peer ?? []).map((key) => keyOf('--peer', key)),
    neighbours: (values.neighbour ?? []).map((key) => keyOf('--neighbour', key)),
    folder,
  };
}

function split(argv: readonly string[]) {
  // parseArgs takes a lone - for an option of which the name is missing.
  const [first, ...rest] = argv;
  const lone = first === '-';
  try {
    const { values, positionals } = parseArgs({
      args: lone ? rest : [...argv],
      allowPositionals: true,
      options: {
        key: { type: 'string' },
        members: { type: 'string' },
        rack: { type: 'string' },
        peer: { type: 'string', multiple: true },
        address: { type: 'string', multiple: true },
        neighbour: { type: 'string', multiple: true },
        help: { type: 'boolean', short: 'h' },
      },
    });
    return { values, positionals: lone ? ['-', ...positionals] : positionals };
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

function managerOf(text: string): { key: PublicKey | undefined; address: string } {
  const at = text.indexOf('@');
  if (at === -1) return { key: undefined, address: addressOf('MANAGERADDR', text) };
  return {
    key: keyOf('MANAGERADDR', text.slice(0, at)),
    address: addressOf('MANAGERADDR', text.slice(at + 1)),
  };
}

function appsOf(text: string): Options['apps'] {
  if (text.includes('/')) return { path: text };
  const address = parseAddress(addressOf('APPPORT', text));
  if (!isLoopback(address))
    throw new UsageError(
      `APPPORT ${text} is reached from other machines: apps speak to a node on loopback only`,
    );
  return { tcp: address };
}

function addressOf(argument: string, text: string): string {
  try {
    parseAddress(text);
    return text;
  } catch (cause) {
    if (!(cause instanceof AddressError)) throw cause;
    throw new UsageError(`${argument}: ${cause.message}`, { cause });
  }
}

function keyOf(option: string, text: string): PublicKey {
  try {
    return parsePublicKey(text);
  } catch (cause) {
    if (!(cause instanceof InvalidKey)) throw cause;
    throw new UsageError(`${option}: ${cause.message}`, { cause });
  }
}
