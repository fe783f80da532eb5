import { parsePublicKey } from '../../services/net/keys.ts';
import { InvalidMembership, readMembership } from '../../services/net/membership.ts';
import { InvalidPassphraseHash, parsePassphraseHash } from '../../services/net/passphrase.ts';
import { type Remark, TooMuch } from '../../services/yaml/index.ts';
import { isMap, property } from '../../services/yaml/raw.ts';
import { isReachable, isSameFamily, problemOfKey, readInterface } from './fields.ts';

const MAX_APPS = 256;

/** What is wrong between the values of a board file, and with values that must not be shown. Looks at raw values. */
export function* relationProblems(root: unknown): Generator<Remark> {
  const apps = property(root, 'apps');
  const count = isMap(apps) ? Object.keys(apps).length : 0;
  if (count > MAX_APPS) throw new TooMuch(['apps'], `${count} apps: at most ${MAX_APPS} are allowed`);
  yield* passphraseProblems(property(root, 'console_passphrase'));
  yield* networkProblems(property(root, 'network'));
  yield* memberProblems(property(root, 'mesh'), property(root, 'board'));
}

/** Somebody may have written the passphrase itself: it is not repeated. */
function* passphraseProblems(hash: unknown): Generator<Remark> {
  if (typeof hash !== 'string') return;
  try {
    parsePassphraseHash(hash);
  } catch (error) {
    if (!(error instanceof InvalidPassphraseHash)) throw error;
    const message =
      "console_passphrase must be the one line that 'skyminer passphrase' prints, not the passphrase itself";
    yield { path: ['console_passphrase'], message };
  }
}

function* networkProblems(network: unknown): Generator<Remark> {
  const gateway = property(network, 'gateway');
  const address = property(network, 'address');
  if (gateway === undefined) return;
  const path = ['network', 'gateway'];
  if (address === undefined) {
    yield {
      path,
      key: true,
      message: 'network.gateway needs network.address: without one the address comes by DHCP',
    };
    return;
  }
  const own = typeof address === 'string' ? readInterface(address) : undefined;
  if (own === undefined || typeof gateway !== 'string' || typeof address !== 'string') return;
  const ip = address.split('/', 1)[0] ?? '';
  if (isSameFamily(ip, gateway) && isReachable(own, gateway)) return;
  yield { path, message: `network.gateway must be another address of the network of ${address}` };
}

function* memberProblems(mesh: unknown, board: unknown): Generator<Remark> {
  const rack = property(mesh, 'rack');
  const members = property(mesh, 'members');
  if (typeof rack !== 'string' || typeof members !== 'string' || problemOfKey(rack) !== undefined) return;
  const path = ['mesh', 'members'];
  try {
    const list = readMembership(members, parsePublicKey(rack));
    if (typeof board === 'string' && !list.members.some((member) => member.board === board))
      yield { path, message: `mesh.members, list number ${list.number}, has no board ${quoted(board)}` };
  } catch (error) {
    if (!(error instanceof InvalidMembership)) throw error;
    yield { path, message: `mesh.members must be the list that the rack has signed: ${error.message}` };
  }
}

function quoted(name: string): string {
  return JSON.stringify(name.length > 63 ? `${name.slice(0, 62)}…` : name);
}
