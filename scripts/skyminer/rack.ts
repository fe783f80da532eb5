import { relative, resolve } from 'node:path';
import { enrol } from '../../image/rack/enrol.ts';
import { RackError } from '../../image/rack/error.ts';
import { inspectRack } from '../../image/rack/inspect.ts';
import {
  type Added,
  addBoards,
  checkFree,
  checkName,
  createRack,
  readRack,
  removeBoard,
  replaceBoard,
} from '../../image/rack/rack.ts';
import { initialRackFile } from '../../image/rack/rack-file/initial.ts';
import { type PublicKey, parsePublicKey } from '../../services/net/keys.ts';
import { ROLES, type Role } from '../../services/net/membership.ts';
import { table } from '../../services/viscript/commands/format.ts';
import { root } from '../lib/program.ts';
import { ownerKeys } from './owner-key.ts';
import { askForNewPassphrase, askForPassphrase } from './passphrase.ts';
import { publicKeyIn } from './public-key-file.ts';
import type { PassphraseOptions, RackOptions } from './rack-commands.ts';

export interface InitOptions extends RackOptions, PassphraseOptions {
  boards: number;
  sshKey?: string;
}

export interface AddOptions extends RackOptions, PassphraseOptions {
  key?: string;
  keyFile?: string;
  role?: string;
  address?: string;
}

/** What is left to do when a list has changed: a board that runs knows nothing of it. */
const PUSH = "boards that run get the list by 'skyminer rack push'\n";

/** `skyminer rack init` */
export async function initRack({ rack: folder, boards, sshKey, ...passphrase }: InitOptions): Promise<void> {
  await checkFree(folder);
  const { keys, told } = await ownerKeys(sshKey);
  const schema = relative(resolve(folder), `${root}/image/rack/rack-file/rack.schema.json`);
  const description = initialRackFile({ boards, sshKeys: keys, schema });
  const { rack } = await createRack(folder, await askForNewPassphrase(passphrase), description);
  process.stdout.write(
    `${folder}: a new rack, ${rack}\n${told}\nKeep copies of this folder, and the passphrase elsewhere.\n` +
      `Say in ${folder}/rack.yaml what the rack is like; 'skyminer rack check' finds what is wrong.\n`,
  );
}

/** `skyminer rack check` */
export async function checkRack({ rack: folder }: RackOptions): Promise<void> {
  const { problems, fine, notes } = await inspectRack(folder);
  if (problems.length > 0) {
    const many = problems.length === 1 ? 'one problem' : `${problems.length} problems`;
    throw new RackError(`${many} in ${folder}\n${problems.join('\n')}`);
  }
  process.stdout.write([...fine, ...notes].map((line) => `${line}\n`).join(''));
}

/** `skyminer rack sign` */
export async function signRack({
  rack: folder,
  ...passphrase
}: RackOptions & PassphraseOptions): Promise<void> {
  const { membership, added, changed } = await enrol(folder, () => askForPassphrase(passphrase));
  for (const one of added) tellAdded(membership.number, one);
  for (const { board, roles } of changed)
    process.stdout.write(`list number ${membership.number}: ${board} is now ${roles.join(',')}\n`);
  if (added.length + changed.length === 0)
    process.stdout.write(`list number ${membership.number} says what rack.yaml says\n`);
}

/** `skyminer rack add` */
export async function addToRack(board: string, options: AddOptions): Promise<void> {
  const { rack: folder, role, key, keyFile, address, ...passphrase } = options;
  checkName(board);
  const roles = role === undefined ? undefined : rolesOf(role);
  const given = await givenKey(key, keyFile);
  await readRack(folder);
  const wanted = { board, roles, address, key: given };
  const { membership, added } = await addBoards(folder, await askForPassphrase(passphrase), [wanted]);
  for (const one of added) tellAdded(membership.number, one);
  process.stdout.write(PUSH);
}

/** `skyminer rack replace` */
export async function replaceInRack(board: string, options: RackOptions & PassphraseOptions): Promise<void> {
  const { rack: folder, ...passphrase } = options;
  await readRack(folder);
  const { membership, added } = await replaceBoard(folder, await askForPassphrase(passphrase), board);
  const { member, keyFile } = added;
  process.stdout.write(
    `list number ${membership.number}: ${board} is now ${member.key}\nits secret key, for its card: ${keyFile}\n${PUSH}`,
  );
}

/** `skyminer rack remove` */
export async function removeFromRack(board: string, options: RackOptions & PassphraseOptions): Promise<void> {
  const { rack: folder, ...passphrase } = options;
  await readRack(folder);
  const { membership, member } = await removeBoard(folder, await askForPassphrase(passphrase), board);
  process.stdout.write(
    member === undefined
      ? `removed ${board} from rack.yaml: it was in no list\n`
      : `list number ${membership.number}: removed ${member.board} ${member.key}\n${PUSH}`,
  );
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

function tellAdded(number: number, { member, keyFile }: Added): void {
  const { board, key, roles } = member;
  process.stdout.write(`list number ${number}: added ${board} ${key} ${roles.join(',')}\n`);
  if (keyFile !== undefined) process.stdout.write(`its secret key, for its card: ${keyFile}\n`);
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
