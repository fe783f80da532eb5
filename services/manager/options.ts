import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { AddressError, parseAddress } from '../net/address.ts';
import { InvalidKey, type PublicKey, parsePublicKey } from '../net/keys.ts';
import { givenStateFolder, stateFolder } from '../signal/state-folder.ts';

export const usage = `meshnet-nm DOMAIN CTRLADDR APPTRACKERADDR [OPTIONS]

The node manager: nodes register here and report their links; it finds routes and installs their rules on the nodes.

DOMAIN           name of the mesh, for people, for example mesh.net
CTRLADDR         where nodes connect, HOST:PORT; a PORT alone means 127.0.0.1
APPTRACKERADDR   HOST:PORT of the apptracker, or - for none: then names of apps are known here alone

--members FILE   list of the rack's members, who are admitted; read again when it changes
--rack KEY       the rack's public key, which has signed that list
--peer KEY       admits one more node; may be given several times
--key FILE       identity of this manager; made when it is not there
--ws HOST:PORT   takes connections over WebSocket too
--metrics ADDR   serves figures for Prometheus on http://ADDR/metrics
`;

/** The command line asks for something that cannot be. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  constructor(problem: string, options?: ErrorOptions) {
    super(`${problem}; give meshnet-nm DOMAIN CTRLADDR APPTRACKERADDR, and see --help`, options);
  }
}

export interface Options {
  domain: string;
  /** HOST:PORT each. */
  address: string;
  webSocketAddress: string | undefined;
  metricsAddress: string | undefined;
  /** Undefined: no tracker. */
  trackerAddress: string | undefined;
  members: { file: string; rack: PublicKey } | undefined;
  peers: PublicKey[];
  keyFile: string;
  /** Where the newest list of members is kept: a key that was handed in lies where nothing can be written. */
  folder: string;
}

/** @returns undefined when help is asked for. @throws {UsageError} */
export function parseOptions(argv: readonly string[], environment: NodeJS.ProcessEnv): Options | undefined {
  const { values, positionals } = split(argv);
  if (values.help === true) return undefined;
  const [domain = '', address, tracker, ...more] = positionals;
  if (address === undefined || tracker === undefined || more.length > 0)
    throw new UsageError(`three arguments are expected, not ${positionals.length}`);
  if (!/^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/.test(domain))
    throw new UsageError(`DOMAIN ${JSON.stringify(domain)} is no name: letters, digits, "." and "-"`);
  const { members, rack } = values;
  if ((members === undefined) !== (rack === undefined))
    throw new UsageError('--members and --rack belong together: the list, and the key that has signed it');
  return {
    domain,
    address: addressOf('CTRLADDR', address),
    webSocketAddress: values.ws && addressOf('--ws', values.ws),
    metricsAddress: values.metrics && addressOf('--metrics', values.metrics),
    trackerAddress: tracker === '-' ? undefined : addressOf('APPTRACKERADDR', tracker),
    members: members && rack ? { file: members, rack: keyOf('--rack', rack) } : undefined,
    peers: (values.peer ?? []).map((key) => keyOf('--peer', key)),
    keyFile: values.key ?? join(stateFolder('meshnet-nm', environment), 'manager.key'),
    folder:
      givenStateFolder(environment) ??
      (values.key ? dirname(values.key) : stateFolder('meshnet-nm', environment)),
  };
}

function split(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        members: { type: 'string' },
        rack: { type: 'string' },
        peer: { type: 'string', multiple: true },
        key: { type: 'string' },
        ws: { type: 'string' },
        metrics: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
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
