import { join } from 'node:path';
import { AddressError } from '../../services/net/address.ts';
import { InvalidKey, parsePublicKey } from '../../services/net/keys.ts';
import { InvalidMembership, readMembership } from '../../services/net/membership.ts';
import { ShapeError } from '../../services/signal/shape.ts';
import type { BoardSettings } from '../board-settings/settings.ts';
import { boardConfig, type Place } from '../rack/board-config.ts';
import { RackError } from '../rack/error.ts';
import { parseTold } from '../rack/told.ts';
import { contentOf } from './inputs.ts';
import { networkFile } from './network-file.ts';

/** What the root forgets at every start, and is laid over it again: content by path. */
export type Tree = Map<string, string>;

/** Every file that a tree may have: what is not in it is taken away. */
export const TREE_FILES = [
  'etc/hostname',
  'etc/hosts',
  'etc/systemd/network/15-board.network',
  'etc/ssh/authorized_keys.d/admin',
  'etc/ssh/authorized_keys.d/viscript',
  'etc/viscript/config.yaml',
  'etc/rauc/keyring.pem',
  'run/skyminer/rack',
  'run/skyminer/board',
] as const;

/** Of what is wrong so many lines are shown. */
const MAX_PROBLEMS = 12;

/**
 * Makes the files of a board out of its settings and of what `data` has.
 *
 * @param problems what is wrong already; what turns up here is added for `run/skyminer/board`
 */
export async function makeTree(
  root: string,
  settings: BoardSettings | undefined,
  problems: readonly string[],
): Promise<Tree> {
  const text = async (path: string) => (await contentOf(join(root, path)))?.toString();
  const tree: Tree = new Map();
  const put = (path: (typeof TREE_FILES)[number], content: string | undefined) => {
    if (content !== undefined && content !== '') tree.set(path, content);
  };
  const found = [...problems];
  const place = await findPlace(root, found);
  const name = settings?.board ?? (await text('run/skyminer/name'))?.trim() ?? 'skyminer';
  put('etc/hostname', `${name}\n`);
  put('etc/hosts', `127.0.0.1 localhost\n127.0.1.1 ${name}\n::1 localhost ip6-localhost ip6-loopback\n`);
  if (settings?.network) put('etc/systemd/network/15-board.network', networkFile(settings.network));
  const keys = settings?.sshKeys.map((key) => `${key}\n`).join('');
  put('etc/ssh/authorized_keys.d/admin', keys);
  put('etc/ssh/authorized_keys.d/viscript', keys);
  put('etc/viscript/config.yaml', await makeConfig(root, settings?.apps ?? {}, place, found));
  put('etc/rauc/keyring.pem', settings?.updateKeys ?? (await text('usr/lib/skyminer/update-keys.pem')));
  if (place !== undefined) {
    const { board, domain } = place.told;
    put('run/skyminer/rack', `${JSON.stringify({ board, domain, rack: place.membership.rack })}\n`);
  }
  put('run/skyminer/board', shown(found));
  return tree;
}

/** What `data` says of the board's place in a rack, whoever has put it there. */
async function findPlace(root: string, problems: string[]): Promise<Place | undefined> {
  const read = async (file: string) => (await contentOf(join(root, 'data/skyminer', file)))?.toString();
  const mesh = await read('mesh.yaml');
  if (mesh === undefined) return undefined;
  try {
    const rack = parsePublicKey((await read('rack'))?.trimEnd() ?? '');
    return { told: parseTold(mesh), membership: readMembership((await read('members')) ?? '', rack) };
  } catch (error) {
    if (!isAboutMesh(error)) throw error;
    problems.push(`the mesh does not start by itself: /data/skyminer: ${error.message.split('\n', 1)[0]}`);
    return undefined;
  }
}

function isAboutMesh(error: unknown): error is Error {
  const kinds = [InvalidKey, InvalidMembership, AddressError, ShapeError, RackError];
  const isYaml = error instanceof Error && error.name === 'YAMLParseError';
  return isYaml || kinds.some((kind) => error instanceof kind);
}

async function makeConfig(
  root: string,
  apps: BoardSettings['apps'],
  place: Place | undefined,
  problems: string[],
): Promise<string | undefined> {
  if (place === undefined && Object.keys(apps).length === 0) return undefined;
  const packaged = (await contentOf(join(root, 'usr/lib/viscript/config.yaml')))?.toString() ?? '';
  try {
    const { text, unknown } = boardConfig(packaged, { place, apps });
    problems.push(
      ...unknown.map((app) => `board.yaml: apps.${app} is no app of this image; 'apps' shows them`),
    );
    return text;
  } catch (error) {
    if (!(error instanceof RackError) || place === undefined) throw error;
    problems.push(`the mesh does not start by itself: ${error.message}`);
    return makeConfig(root, apps, undefined, problems);
  }
}

function shown(problems: readonly string[]): string {
  const lines = problems.slice(0, MAX_PROBLEMS);
  if (problems.length > lines.length)
    lines.push(`board.yaml: and ${problems.length - lines.length} more problems`);
  return lines.map((line) => `${line}\n`).join('');
}
