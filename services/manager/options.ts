import { dirname, join } from 'node:path';
import type { PublicKey } from '../net/keys.ts';
import { UsageError } from '../program/usage.ts';
import { hostPortOf, keyOf } from '../program/values.ts';
import { parseWords } from '../program/words.ts';
import { givenStateFolder, stateFolder } from '../signal/state-folder.ts';

export const help = `meshnet-nm DOMAIN CTRLADDR APPTRACKERADDR [OPTIONS]

The node manager: nodes register here and report their links; it finds routes and installs their rules on the nodes.

DOMAIN           name of the mesh, for people, for example mesh.net
CTRLADDR         where nodes connect, HOST:PORT; a PORT alone means 127.0.0.1
APPTRACKERADDR   HOST:PORT of the apptracker, or - for none: then names of apps are known here alone

--members FILE   list of the rack's members, who are admitted; read again when it changes,
                 and a newer one that a node brings is taken over
--rack KEY       the rack's public key, which has signed that list
--peer KEY       admits one more node; may be given several times
--key FILE       identity of this manager; made when it is not there
--ws HOST:PORT   takes connections over WebSocket too
--metrics ADDR   serves figures for Prometheus on http://ADDR/metrics
`;

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

/** @throws {UsageError} */
export function parseOptions(argv: readonly string[], environment: NodeJS.ProcessEnv): Options {
  const { args, values } = parseWords(argv, {
    required: ['DOMAIN', 'CTRLADDR', 'APPTRACKERADDR'],
    options: {
      members: { type: 'string' },
      rack: { type: 'string' },
      peer: { type: 'string', multiple: true, default: [] },
      key: { type: 'string' },
      ws: { type: 'string' },
      metrics: { type: 'string' },
    },
  });
  const { DOMAIN: domain, CTRLADDR: address, APPTRACKERADDR: tracker } = args;
  if (!/^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/.test(domain))
    throw new UsageError(`DOMAIN ${JSON.stringify(domain)} is no name: letters, digits, "." and "-"`);
  const { members, rack } = values;
  if ((members === undefined) !== (rack === undefined))
    throw new UsageError('--members and --rack belong together: the list, and the key that has signed it');
  return {
    domain,
    address: hostPortOf('CTRLADDR', address),
    webSocketAddress: values.ws && hostPortOf('--ws', values.ws),
    metricsAddress: values.metrics && hostPortOf('--metrics', values.metrics),
    trackerAddress: tracker === '-' ? undefined : hostPortOf('APPTRACKERADDR', tracker),
    members: members && rack ? { file: members, rack: keyOf('--rack', rack) } : undefined,
    peers: values.peer.map((key) => keyOf('--peer', key)),
    keyFile: values.key ?? join(stateFolder('meshnet-nm', environment), 'manager.key'),
    folder:
      givenStateFolder(environment) ??
      (values.key ? dirname(values.key) : stateFolder('meshnet-nm', environment)),
  };
}
