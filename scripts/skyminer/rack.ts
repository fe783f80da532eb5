import { RackError } from '../../image/rack/error.ts';
import { addBoards, checkFree, checkName, createRack, readRack, removeBoard } from '../../image/rack/rack.ts';
import { type PublicKey, parsePublicKey } from '../../services/net/keys.ts';
import { ROLES, type Role } from '../../services/net/membership.ts';
import { table } from '../../services/viscript/commands/format.ts';
import { askForNewPassphrase, askForPassphrase } from './passphrase.ts';
import { publicKeyIn } from './public-key-file.ts';
import type { PassphraseOptions, RackOptions } from './rack-commands.ts';

export interface AddOptions extends RackOptions, PassphraseOptions {
  key?: string;
  keyFile?: string;
  role: string;
}

/** `skyminer rack init` */
export async function initRack({
  rack: folder,
  ...passphrase
}: RackOptions & PassphraseOptions): Promise<void> {
  await checkFree(folder);
  const { rack } = await createRack(folder, await askForNewPassphrase(passphrase));
  process.stdout.write(
    `${folder}: a new rack, ${rack}\nKeep copies of this folder, and the passphrase elsewhere.\n`,
  );
}

/** `skyminer rack add` */
export async function addToRack(board: string, options: AddOptions): Promise<void> {
  const { rack: folder, role, key, keyFile, ...passphrase } = options;
  checkName(board);
  const roles = rolesOf(role);
  const given = await givenKey(key, keyFile);
  await readRack(folder);
  const wanted = { board, roles, ...(given === undefined ? {} : { key: given }) };
  const { membership, added } = await addBoards(folder, await askForPassphrase(passphrase), [wanted]);
  for (const { member, keyFile } of added) {
    process.stdout.write(
      `list number ${membership.number}: added ${member.board} ${member.key} ${roles.join(',')}\n`,
    );
    if (keyFile !== undefined) process.stdout.write(`its secret key, for its card: ${keyFile}\n`);
  }
}

/** `skyminer rack remove` */
export async function removeFromRack(board: string, options: RackOptions & PassphraseOptions): Promise<void> {
  const { rack: folder, ...passphrase } = options;
  await readRack(folder);
  const { membership, member } = await removeBoard(folder, await askForPassphrase(passphrase), board);
  process.stdout.write(`list number ${membership.number}: removed ${member.board} ${member.key}\n`);
}

/** `skyminer rack list` */
export async function listRack({ rack: folder, json }: RackOptions & { json: boolean }): Promise<void> {
  const membership = await readRack(folder);
  if (json) {
    process.stdout.write(`${JSON.stringify(membership)}\n`);
    return;
  }
  const { rack, number, members } = membership;
  const rows = members.map(({ board, key, roles }) => [board, roles.join(','), key]);
  const boards = members.length === 1 ? '1 board' : `${members.length} boards`;
  process.stdout.write(`rack ${rack}\nlist number ${number}, ${boards}\n`);
  if (members.length > 0) process.stdout.write(table(['BOARD', 'ROLES', 'KEY'], rows));
}

async function givenKey(key: string | undefined, file: string | undefined): Promise<PublicKey | undefined> {
  if (file !== undefined) return publicKeyIn(file);
  return key === undefined ? undefined : parsePublicKey(key);
}

function rolesOf(text: string): Role[] {
  const words = text.split(',').map((word) => word.trim());
  const unknown = words.find((word) => !ROLES.some((role) => role === word));
  if (unknown !== undefined)
    throw new RackError(`there is no role '${unknown}': give ${ROLES.join(', ')}, with commas`);
  return ROLES.filter((role) => words.includes(role));
}
