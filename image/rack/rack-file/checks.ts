import { AddressError, parseAddress } from '../../../services/net/address.ts';
import { InvalidKey, parsePublicKey } from '../../../services/net/keys.ts';
import { InvalidPassphraseHash, parsePassphraseHash } from '../../../services/net/passphrase.ts';
import { InvalidSshKey, parseSshKey } from '../../../services/net/ssh/public-key.ts';
import { nearest, type Path, type Remark, TooMuch } from '../../../services/yaml/index.ts';
import { isMap, property } from '../../../services/yaml/raw.ts';
import { checkNetwork } from './check-network.ts';
import { namesFile } from './named-files.ts';
import { MAX_BOARDS } from './schema.ts';

/** Started on boards by their roles. */
const BY_ROLE = ['apptracker', 'meshnet-nm', 'meshnet-node'];
const MAX_APPS = 64;

/**
 * What must hold between the values of `rack.yaml`, and what no schema says of one: judged on the raw values, so that a
 * wrong one hides nothing.
 *
 * @param imageApps the apps of the image, by name
 */
export function* checkRack(raw: unknown, imageApps: readonly string[]): Generator<Remark> {
  const boards = namesIn(raw, 'boards', MAX_BOARDS);
  yield* checkNetwork(raw, boards);
  yield* checkListen(raw, boards);
  yield* checkManager(raw, boards);
  yield* checkApps(raw, boards, imageApps);
  yield* checkKeys(raw);
}

function namesIn(raw: unknown, section: string, most: number): string[] {
  const map = property(raw, section);
  const names = isMap(map) ? Object.keys(map) : [];
  if (names.length > most)
    throw new TooMuch([section], `${names.length} ${section}: at most ${most} are allowed`);
  return names;
}

function* checkListen(raw: unknown, boards: readonly string[]): Generator<Remark> {
  for (const board of boards) {
    for (const [index, address] of textsIn(property(property(property(raw, 'boards'), board), 'listen'))) {
      const path = ['boards', board, 'listen', index];
      yield* complaint(path, () => parseAddress(address), AddressError);
    }
  }
}

function* checkManager(raw: unknown, boards: readonly string[]): Generator<Remark> {
  const manager = property(raw, 'manager');
  const path = ['manager'];
  if (typeof manager !== 'string') return;
  const at = manager.indexOf('@');
  if (at >= 0) {
    yield* complaint(path, () => parsePublicKey(manager.slice(0, at)), InvalidKey);
    yield* complaint(path, () => parseAddress(manager.slice(at + 1)), AddressError);
  } else if (!boards.includes(manager)) {
    yield { path, message: `manager ${noBoard(manager, boards)}` };
  } else {
    const roles = property(property(property(raw, 'boards'), manager), 'roles');
    if (!Array.isArray(roles) || !roles.includes('manager'))
      yield {
        path: ['boards', manager, 'roles'],
        message: `${manager} is the manager, and its roles have no manager`,
      };
  }
}

function* checkApps(
  raw: unknown,
  boards: readonly string[],
  imageApps: readonly string[],
): Generator<Remark> {
  for (const app of namesIn(raw, 'apps', MAX_APPS)) {
    const path = ['apps', app];
    if (BY_ROLE.includes(app)) {
      yield { path, key: true, message: `apps.${app} is started by the roles of a board: remove it here` };
    } else if (!imageApps.includes(app)) {
      const close = nearest(app, imageApps);
      const remedy = close === undefined ? `there are ${imageApps.join(', ')}` : `did you mean ${close}?`;
      yield { path, key: true, message: `apps.${app} is no app of the image; ${remedy}` };
    }
    for (const [index, board] of textsIn(property(property(property(raw, 'apps'), app), 'boards'))) {
      if (boards.includes(board)) continue;
      yield { path: [...path, 'boards', index], message: `apps.${app}.boards ${noBoard(board, boards)}` };
    }
  }
}

function noBoard(name: string, boards: readonly string[]): string {
  const close = nearest(name, boards);
  const hint = close === undefined ? '' : `; did you mean ${close}?`;
  return `names ${JSON.stringify(name.slice(0, 80))}, which is no board of this file${hint}`;
}

function* checkKeys(raw: unknown): Generator<Remark> {
  for (const [index, key] of textsIn(property(raw, 'ssh_keys'))) {
    if (namesFile(key)) continue;
    for (const { path, message } of complaint(['ssh_keys', index], () => parseSshKey(key), InvalidSshKey))
      yield { path, message: `ssh_keys[${index + 1}] ${message}` };
  }
  const hash = property(raw, 'console_passphrase');
  if (typeof hash === 'string')
    yield* complaint(['console_passphrase'], () => parsePassphraseHash(hash.trim()), InvalidPassphraseHash);
}

function* complaint(
  path: Path,
  read: () => unknown,
  Expected: typeof AddressError | typeof InvalidKey | typeof InvalidPassphraseHash | typeof InvalidSshKey,
): Generator<Remark> {
  try {
    read();
  } catch (error) {
    if (!(error instanceof Expected)) throw error;
    yield { path, message: error.message };
  }
}

/** The texts of a list, with their places; what else is in it is for the schema to refuse. */
function textsIn(list: unknown): [number, string][] {
  if (!Array.isArray(list)) return [];
  return [...list.entries()].slice(0, 1_000).flatMap(([index, entry]): [number, string][] => {
    return typeof entry === 'string' ? [[index, entry]] : [];
  });
}
