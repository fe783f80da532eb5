import { join } from 'node:path';
import { parsePublicKey } from '../../../services/net/keys.ts';
import { ROLES } from '../../../services/net/membership.ts';
import { parseSshKey } from '../../../services/net/ssh/public-key.ts';
import { loadConfig } from '../../../services/viscript/config/index.ts';
import { type Format, InvalidFile, read, readText } from '../../../services/yaml/index.ts';
import { repository } from '../../files.ts';
import { NODE_PORT } from '../told.ts';
import { DEFAULT_SUBNET, parseSubnet, schemeAddress } from './addresses.ts';
import { checkRack } from './checks.ts';
import { type NamedFiles, namesFile, readNamedFiles } from './named-files.ts';
import type { RackApp, RackBoard, RackFile } from './rack-file.ts';
import { type RawRack, rackSchema } from './schema.ts';

/** Bytes at most: a thousand a board. */
const MAX_BYTES = 256 * 1024;

/**
 * Reads `rack.yaml` and the files that it names.
 *
 * @throws {InvalidFile} with everything that is wrong with them
 */
export async function loadRackFile(file: string): Promise<RackFile> {
  return parseRackFile(await readText(file, MAX_BYTES), file);
}

/**
 * Reads the text of a `rack.yaml`.
 *
 * @param file where it is, or will be
 * @throws {InvalidFile}
 */
export async function parseRackFile(text: string, file: string): Promise<RackFile> {
  const { value, problems, raw, problemAt } = read(text, file, await format());
  const named = await readNamedFiles(raw, file);
  const all = [...problems, ...named.problems.map(problemAt)];
  if (value === undefined || all.length > 0) throw new InvalidFile(all);
  return toRackFile(value, named);
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
  const keys = (raw.ssh_keys ?? []).flatMap((entry) =>
    namesFile(entry) ? (sshKeys.get(entry) ?? []) : parseSshKey(entry),
  );
  const board = ([name, entry]: [string, RawRack['boards'][string]]): [string, RackBoard] => {
    const address = entry?.address ?? (subnet && schemeAddress(name, subnet));
    return [
      name,
      {
        roles: ROLES.filter((role) => (entry?.roles ?? ['node']).includes(role)),
        address: address === 'dhcp' ? undefined : address,
        mac: entry?.mac?.toLowerCase(),
        listen: entry?.listen ?? [`0.0.0.0:${NODE_PORT}`],
      },
    ];
  };
  return {
    domain: raw.domain ?? 'rack.mesh',
    network: { subnet, gateway: raw.gateway, dns: raw.dns ?? [], ntp: raw.ntp ?? [] },
    boards: new Map(Object.entries(raw.boards).map(board)),
    manager: managerOf(raw.manager),
    sshKeys: [...new Set(keys)],
    consolePassphrase: raw.console_passphrase?.trim(),
    apps: new Map(
      Object.entries(raw.apps ?? {}).map(([name, entry]): [string, RackApp] => [
        name,
        { args: entry?.args?.map(String), boards: entry?.boards },
      ]),
    ),
    updateKeys: certificates.length === 0 ? undefined : certificates.join(''),
  };
}

function managerOf(text: string): RackFile['manager'] {
  const at = text.indexOf('@');
  if (at < 0) return { board: text };
  return { key: parsePublicKey(text.slice(0, at)), address: text.slice(at + 1) };
}
