import { mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { syncFolder, writeDurably } from '../../services/net/durable-file.ts';
import { identityIn } from '../../services/net/key-file.ts';
import { Identity, InvalidKey, type PublicKey, parsePublicKey } from '../../services/net/keys.ts';
import {
  BOARD_NAME,
  InvalidMembership,
  type Member,
  type Membership,
  type Role,
  readMembership,
  signMembership,
} from '../../services/net/membership.ts';
import { MIN_PASSPHRASE } from '../../services/net/passphrase.ts';
import {
  InvalidSealedKey,
  openSealedIdentity,
  sealIdentity,
  WrongPassphrase,
} from '../../services/net/sealed-key.ts';
import { isMissing } from '../files.ts';
import { withLock } from '../lock.ts';
import { RackError } from './error.ts';
import { boardKeyFile, rackFiles } from './files.ts';
import { lockText, readLock } from './lock-file.ts';

/** A board that is to belong to a rack. */
export interface NewMember {
  board: string;
  roles: readonly Role[];
  /** Its identity; without one a key is made in the rack's folder, for its card. */
  key?: PublicKey;
}

/** A board that was added. */
export interface Added {
  member: Member;
  /** Where its secret key is, when it is in the rack's folder. */
  keyFile: string | undefined;
}

/**
 * Makes a rack: a folder with a new rack key under this passphrase, and a list of no members with the number 1.
 *
 * @throws {RackError} when something is there already, or the passphrase is too short
 */
export async function createRack(folder: string, passphrase: string): Promise<Membership> {
  if (passphrase.length < MIN_PASSPHRASE)
    throw new RackError(`the passphrase is too short: give at least ${MIN_PASSPHRASE} characters`);
  await checkFree(folder);
  const place = resolve(folder);
  await mkdir(dirname(place), { recursive: true });
  // Filled under another name, then renamed: it is there whole or not at all, and never in place of another.
  const making = await mkdtemp(join(dirname(place), `.${basename(place)}-`));
  try {
    const rack = Identity.generate();
    const files = rackFiles(making);
    const text = signMembership(rack, 1, []);
    const membership = readMembership(text, rack.publicKey);
    await writeDurably(files.key, await sealIdentity(rack, passphrase), 0o600);
    await writeDurably(files.publicKey, `${rack.publicKey}\n`, 0o644);
    await writeDurably(files.members, text, 0o644);
    await writeDurably(files.lock, lockText(membership), 0o644);
    await rename(making, place);
    await syncFolder(dirname(place));
    return membership;
  } catch (cause) {
    await checkFree(folder);
    throw cause;
  } finally {
    await rm(making, { recursive: true, force: true });
  }
}

/** @throws {RackError} when a folder cannot become a rack, for there is something in it or it is none */
export async function checkFree(folder: string): Promise<void> {
  try {
    if ((await readdir(folder)).length === 0) return;
  } catch (error) {
    if (isMissing(error)) return;
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOTDIR')) throw error;
  }
  throw new RackError(
    `${folder} is there already, and a rack's key is never overwritten: name another --rack`,
  );
}

/**
 * Reads who belongs to a rack and checks the rack's signature. Needs no passphrase.
 *
 * @throws {RackError}
 */
export async function readRack(folder: string): Promise<Membership> {
  const files = rackFiles(folder);
  const publicKey = await readPublicKey(files.publicKey, folder);
  const text = await readPart(files.members, folder);
  const membership = explained(files.members, () => readMembership(text, publicKey));
  const lock = await readLock(files.lock);
  if (lock !== undefined && lock.number > membership.number)
    throw new RackError(
      `${files.members} is number ${membership.number}, but ${files.lock} knows number ${lock.number}: boards take no ` +
        'lower number than they have. Put back the newest members',
    );
  return membership;
}

/**
 * Adds boards: one new list with the next number.
 *
 * @throws {RackError} when one of them or its key is in the list already, or the passphrase is wrong; the list then stays
 */
export async function addBoards(
  folder: string,
  passphrase: string,
  boards: readonly NewMember[],
): Promise<{ membership: Membership; added: Added[] }> {
  for (const { board } of boards) checkName(board);
  return changing(folder, passphrase, async (before) => {
    const members = [...before];
    const added: Added[] = [];
    for (const board of boards) {
      const one = await newMember(folder, members, board);
      members.push(one.member);
      added.push(one);
    }
    return { members, result: (membership) => ({ membership, added }) };
  });
}

/**
 * Removes a board: a new list with the next number. A key that was made for it here is removed with it.
 *
 * @throws {RackError} when there is no such board, or the passphrase is wrong; nothing is changed
 */
export async function removeBoard(
  folder: string,
  passphrase: string,
  board: string,
): Promise<{ membership: Membership; member: Member }> {
  const changed = await changing(folder, passphrase, async (members) => {
    const member = members.find((other) => other.board === board);
    if (member === undefined) throw new RackError(`there is no board ${board} in the rack ${folder}`);
    return {
      members: members.filter((other) => other !== member),
      result: (membership) => ({ membership, member }),
    };
  });
  await rm(boardKeyFile(folder, board), { force: true });
  return changed;
}

/** @throws {RackError} */
export function checkName(board: string): void {
  if (!BOARD_NAME.test(board))
    throw new RackError(`'${board}' is no name for a board: give lower-case letters, digits and dashes`);
}

async function newMember(
  folder: string,
  members: readonly Member[],
  { board, roles, key: given }: NewMember,
): Promise<Added> {
  if (members.some((member) => member.board === board))
    throw new RackError(`${board} belongs to the rack already: 'skyminer rack remove ${board}' first`);
  const keyFile = given === undefined ? boardKeyFile(folder, board) : undefined;
  const key = given ?? (await identityIn(boardKeyFile(folder, board))).publicKey;
  const twin = members.find((member) => member.key === key);
  if (twin !== undefined)
    throw new RackError(`${twin.board} has this key already: each board has one of its own`);
  return { member: { board, key, roles }, keyFile };
}

interface Change<T> {
  members: Member[];
  /** What to answer once the list is written. */
  result(membership: Membership): T;
}

/** One change of a rack at a time: of two, the second sees what the first has done. */
function changing<T>(
  folder: string,
  passphrase: string,
  change: (members: readonly Member[]) => Promise<Change<T>>,
): Promise<T> {
  const files = rackFiles(folder);
  return readRack(folder).then(() =>
    withLock(
      files.publicKey,
      (ours) => ours(),
      async () => {
        const before = await readRack(folder);
        const rack = await unlock(folder, passphrase, before.rack);
        const { members, result } = await change(before.members);
        const text = explained(files.members, () => signMembership(rack, before.number + 1, members));
        const membership = readMembership(text, before.rack);
        // The list counts; the lock file is made of it again with the next change, should this be all that is written.
        await writeDurably(files.members, text, 0o644);
        await writeDurably(files.lock, lockText(membership), 0o644);
        return result(membership);
      },
    ),
  );
}

async function unlock(folder: string, passphrase: string, expected: PublicKey): Promise<Identity> {
  const { key } = rackFiles(folder);
  try {
    const rack = await openSealedIdentity(await readPart(key, folder), passphrase);
    if (rack.publicKey === expected) return rack;
  } catch (cause) {
    if (!(cause instanceof InvalidSealedKey || cause instanceof WrongPassphrase)) throw cause;
    throw new RackError(`${key}: ${cause.message}`, { cause });
  }
  throw new RackError(`${key} is the key of another rack than ${folder}: put back the one made with it`);
}

async function readPublicKey(file: string, folder: string): Promise<PublicKey> {
  const text = await readPart(file, folder);
  return explained(file, () => parsePublicKey(text.trimEnd()));
}

async function readPart(file: string, folder: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    if (!isMissing(cause)) throw cause;
    const remedy =
      file === rackFiles(folder).publicKey
        ? `make a rack with 'skyminer rack init --rack ${folder}', or name yours`
        : 'put it back from where you keep copies of this folder';
    throw new RackError(`${file} is missing: ${remedy}`, { cause });
  }
}

function explained<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof InvalidKey || cause instanceof InvalidMembership)) throw cause;
    throw new RackError(`${file}: ${cause.message}`, { cause });
  }
}
