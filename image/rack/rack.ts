import type { PublicKey } from '../../services/net/keys.ts';
import { BOARD_NAME, type Member, type Membership, type Role } from '../../services/net/membership.ts';
import { makeKeys, removeKeys } from './board-keys.ts';
import { changing } from './change.ts';
import { RackError } from './error.ts';
import { boardKeyFile, rackFiles } from './files.ts';
import { freeAddress } from './rack-file/addresses.ts';
import { withBoard, withoutBoard } from './rack-file/edit.ts';
import type { RackFile } from './rack-file/rack-file.ts';
import { type Description, describeRack } from './rack-file/read.ts';
import { unlock } from './unlock.ts';

export { checkFree, createRack } from './create.ts';
export { readRack } from './read.ts';

/** A board that is to belong to a rack. */
export interface NewMember {
  board: string;
  /** When left out: what `rack.yaml` says, or node. */
  roles?: readonly Role[] | undefined;
  /** IPv4 or dhcp, for `rack.yaml`; the next free one when left out. */
  address?: string | undefined;
  /** Its identity; without one a key is made in the rack's folder, for its card. */
  key?: PublicKey | undefined;
}

/** A board that was added. */
export interface Added {
  member: Member;
  /** Where its secret key is, when it is in the rack's folder. */
  keyFile: string | undefined;
}

/**
 * Adds boards: one new list with the next number, and entries in `rack.yaml` where it has none.
 *
 * @throws {RackError} when one of them or its key is in the list already, or the passphrase is wrong; the list then stays
 * @throws {InvalidFile} when `rack.yaml` is wrong, or would be
 */
export async function addBoards(
  folder: string,
  passphrase: string,
  boards: readonly NewMember[],
): Promise<{ membership: Membership; added: Added[] }> {
  for (const { board } of boards) checkName(board);
  return changing(folder, async ({ membership, description }) => {
    const wanted = boards.map((board) => described(board, description?.rack));
    checkNew(membership.members, wanted);
    const rewritten = description && (await entered(folder, description, wanted));
    const rack = await unlock(folder, passphrase, membership.rack);
    const added: Added[] = [];
    for (const { board, roles, key } of wanted) {
      // Keys of another board that had this name would be taken for its own.
      if (key !== undefined) await removeKeys(folder, board);
      const keyFile = key === undefined ? boardKeyFile(folder, board) : undefined;
      added.push({ member: { board, roles, key: key ?? (await makeKeys(folder, board)) }, keyFile });
    }
    const members = [...membership.members, ...added.map(({ member }) => member)];
    return { next: { rack, members }, rewritten, result: (after) => ({ membership: after, added }) };
  });
}

/**
 * Removes a board: a new list with the next number, and no entry in `rack.yaml`. Keys that were made for it here are
 * removed with it.
 *
 * @returns no member when it was in `rack.yaml` alone; the list is then the same as before
 * @throws {RackError} when there is no such board, it manages the rack, or the passphrase is wrong; nothing is changed
 * @throws {InvalidFile} when `rack.yaml` is wrong
 */
export async function removeBoard(
  folder: string,
  passphrase: string,
  board: string,
): Promise<{ membership: Membership; member: Member | undefined }> {
  return changing(folder, async ({ membership, description }) => {
    const member = membership.members.find((other) => other.board === board);
    const isDescribed = description?.rack.boards.has(board) === true;
    if (member === undefined && !isDescribed) throw noBoard(folder, board);
    const manager = description?.rack.manager;
    if (manager !== undefined && 'board' in manager && manager.board === board)
      throw new RackError(`${board} is the manager of this rack: name another one in rack.yaml first`);
    const rewritten = isDescribed
      ? await describeRack(withoutBoard(description.text, board), rackFiles(folder).description)
      : undefined;
    const rack = await unlock(folder, passphrase, membership.rack);
    const members = membership.members.filter((other) => other !== member);
    return {
      next: member && { rack, members },
      rewritten,
      result: async (after) => {
        await removeKeys(folder, board);
        return { membership: after, member };
      },
    };
  });
}

/**
 * Gives a board a new identity and a new SSH host key: who has its card is no member any more.
 *
 * @throws {RackError} when there is no such board, or the passphrase is wrong; nothing is changed
 * @throws {InvalidFile} when `rack.yaml` is wrong
 */
export async function replaceBoard(
  folder: string,
  passphrase: string,
  board: string,
): Promise<{ membership: Membership; added: Added }> {
  return changing(folder, async ({ membership, description }) => {
    const before = membership.members.find((other) => other.board === board);
    if (before === undefined) throw noBoard(folder, board);
    const rack = await unlock(folder, passphrase, membership.rack);
    const roles = description?.rack.boards.get(board)?.roles ?? before.roles;
    const member = { board, roles, key: await makeKeys(folder, board) };
    const members = membership.members.map((other) => (other === before ? member : other));
    const added = { member, keyFile: boardKeyFile(folder, board) };
    return { next: { rack, members }, result: (after) => ({ membership: after, added }) };
  });
}

/** @throws {RackError} */
export function checkName(board: string): void {
  if (!BOARD_NAME.test(board))
    throw new RackError(`'${board}' is no name for a board: give lower-case letters, digits and dashes`);
}

function noBoard(folder: string, board: string): RackError {
  return new RackError(`there is no board ${board} in the rack ${folder}`);
}

type Described = NewMember & { roles: readonly Role[] };

function described(wanted: NewMember, rack: RackFile | undefined): Described {
  const entry = rack?.boards.get(wanted.board);
  if (entry !== undefined && (wanted.roles !== undefined || wanted.address !== undefined))
    throw new RackError(
      `rack.yaml has ${wanted.board} already: change there what it says, or leave out roles and address here`,
    );
  return { ...wanted, roles: wanted.roles ?? entry?.roles ?? ['node'] };
}

function checkNew(members: readonly Member[], wanted: readonly Described[]): void {
  const [names, keys] = [new Set<string>(), new Map<PublicKey, string>()];
  for (const { board, key } of [...members, ...wanted]) {
    if (names.size === names.add(board).size)
      throw new RackError(`${board} belongs to the rack already: 'skyminer rack remove ${board}' first`);
    if (key === undefined) continue;
    const twin = keys.get(key);
    if (twin !== undefined)
      throw new RackError(`${twin} has this key already: each board has one of its own`);
    keys.set(key, board);
  }
}

/** `rack.yaml` with entries for the boards that it lacks. */
async function entered(
  folder: string,
  { text, rack }: Description,
  wanted: readonly Described[],
): Promise<Description | undefined> {
  const lacking = wanted.filter(({ board }) => !rack.boards.has(board));
  if (lacking.length === 0) return undefined;
  const { subnet, gateway } = rack.network;
  const taken = new Set(
    [gateway, ...[...rack.boards.values()].map(({ address }) => address)].filter((one) => one !== undefined),
  );
  let changed = text;
  for (const { board, roles, address: given } of lacking) {
    const address = given ?? (subnet && freeAddress(subnet, taken));
    if (address === undefined && subnet !== undefined)
      throw new RackError(`${subnet.text} has no free address for ${board}: give it one, or dhcp`);
    if (address !== undefined) taken.add(address);
    changed = withBoard(changed, board, { address, roles });
  }
  return describeRack(changed, rackFiles(folder).description);
}
