import { join } from 'node:path';
import { parsePublicKey } from '../../../services/net/keys.ts';
import { ROLES } from '../../../services/net/membership.ts';
import { parseSshKey } from '../../../services/net/ssh/public-key.ts';
import { loadConfig } from '../../../services/viscript/config/index.ts';
import { type Format, InvalidFile, read } from '../../../services/yaml/index.ts';
import { repository } from '../../files.ts';
import { NODE_PORT } from '../told.ts';
import { DEFAULT_SUBNET, parseSubnet, type Subnet, schemeAddress } from './addresses.ts';
import { checkRack } from './checks.ts';
import { type NamedFiles, namesFile, readNamedFiles } from './named-files.ts';
import type { RackBoard, RackFile } from './rack-file.ts';
import { type RawRack, rackSchema } from './schema.ts';

/** Bytes at most: a thousand a board. */
const MAX_BYTES = 256 * 1024;

/** A `rack.yaml`: its words, and what they mean. */
export interface Description {
  text: string;
  rack: RackFile;
}

/**
 * Reads the text of a `rack.yaml`, and the files that it names.
 *
 * @param file where it is, or will be
 * @throws {InvalidFile} with everything that is wrong with them
 */
export async function describeRack(text: string, file: string): Promise<Description> {
  const { value, problems, raw, problemAt } = read(text, file, await format());
  const named = await readNamedFiles(raw, file);
  const all = [...problems, ...named.problems.map(problemAt)];
  if (value === undefined || all.length > 0) throw new InvalidFile(all);
  return { text, rack: toRackFile(value, named) };
}

async function format(): Promise<Format<typeof rackSchema>> {
  const { apps } = await loadConfig(join(repository, 'config.yaml'));
  const imageApps = [...apps.keys()];
  // Nothing in it is a number: 010 is an argument as it is written.
  return {
    schema: rackSchema,
    maxBytes: MAX_BYTES,
    isText: () => true,
    check: (raw) => checkRack(raw, imageApps),
  };
}

function toRackFile(raw: RawRack, { sshKeys, certificates }: NamedFiles): RackFile {
  const network = raw.network ?? DEFAULT_SUBNET;
  const subnet = network === 'dhcp' ? undefined : parseSubnet(network);
  const boards = new Map(
    Object.entries(raw.boards).map(([name, entry]) => [name, toBoard(name, entry ?? {}, subnet)]),
  );
  const keys = (raw.ssh_keys ?? []).flatMap((entry) =>
    namesFile(entry) ? (sshKeys.get(entry) ?? []) : parseSshKey(entry),
  );
  return {
    domain: raw.domain ?? 'rack.mesh',
    network: { subnet, gateway: raw.gateway, dns: raw.dns ?? [], ntp: raw.ntp ?? [] },
    boards,
    manager: managerOf(raw.manager, boards),
    sshKeys: [...new Set(keys)],
    consolePassphrase: raw.console_passphrase?.trim(),
    apps: new Map(
      Object.entries(raw.apps ?? {}).map(([name, entry]) => [
        name,
        { args: entry?.args?.map(String), boards: entry?.boards },
      ]),
    ),
    updateKeys: certificates.length === 0 ? undefined : certificates.join(''),
  };
}

function toBoard(
  name: string,
  { address: given, mac, roles, listen }: NonNullable<RawRack['boards'][string]>,
  subnet: Subnet | undefined,
): RackBoard {
  const address = given ?? (subnet && schemeAddress(name, subnet));
  return {
    roles: ROLES.filter((role) => (roles ?? ['node']).includes(role)),
    address: address === 'dhcp' ? undefined : address,
    mac: mac?.toLowerCase(),
    listen: listen ?? [`0.0.0.0:${NODE_PORT}`],
  };
}

function managerOf(text: string, boards: RackFile['boards']): RackFile['manager'] {
  const at = text.indexOf('@');
  // That it is a board with an address has been checked.
  if (at < 0) return { board: text, host: boards.get(text)?.address ?? '' };
  return { key: parsePublicKey(text.slice(0, at)), address: text.slice(at + 1) };
}
