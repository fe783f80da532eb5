import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncFolder, writeDurably } from '../../services/net/durable-file.ts';
import { readIdentity, writeIdentity } from '../../services/net/key-file.ts';
import { Identity, type PublicKey } from '../../services/net/keys.ts';
import { BOARD_NAME, type Member } from '../../services/net/membership.ts';
import { newHostKey, publicLineOf } from '../../services/net/ssh/host-key.ts';
import { InvalidSshKey } from '../../services/net/ssh/public-key.ts';
import { isMissing } from '../files.ts';
import { RackError } from './error.ts';
import { boardKeyFile, hostKeyFile } from './files.ts';
import { textIfThere } from './text.ts';

/**
 * Makes an identity and an SSH host key for a board that is to be on the next list. They lie beside those that it has,
 * until {@link settleKeys} finds the list.
 */
export async function makeKeys(folder: string, board: string): Promise<PublicKey> {
  const identity = Identity.generate();
  const [keyFile, hostFile] = next(folder, board);
  await mkdir(dirname(keyFile), { recursive: true, mode: 0o700 });
  await writeDurably(hostFile, newHostKey(board).secret, 0o600);
  // Last: the one without the other means nothing.
  await writeIdentity(keyFile, identity);
  return identity.publicKey;
}

/**
 * Puts the keys that were made into their places where the list names them, and removes them where it does not: a change
 * of the list was then cut short, before it counted. Done before every change and after it.
 */
export async function settleKeys(folder: string, members: readonly Member[]): Promise<void> {
  for (const board of await boardsWithNext(folder)) {
    const [keyFile, hostFile] = next(folder, board);
    const key = (await readIdentity(keyFile))?.publicKey;
    if (key !== undefined && members.some((member) => member.board === board && member.key === key)) {
      await renameIfThere(hostFile, hostKeyFile(folder, board));
      await rename(keyFile, boardKeyFile(folder, board));
    } else {
      await rm(hostFile, { force: true });
      await rm(keyFile, { force: true });
    }
    await syncFolder(dirname(keyFile));
  }
}

/** Removes the keys of a board from the folder: it is no member any more. */
export async function removeKeys(folder: string, board: string): Promise<void> {
  await rm(boardKeyFile(folder, board), { force: true });
  await rm(hostKeyFile(folder, board), { force: true });
}

/** Makes a host key for a board whose identity is here, and which has none. */
export async function makeHostKey(folder: string, board: string): Promise<void> {
  await writeDurably(hostKeyFile(folder, board), newHostKey(board).secret, 0o600);
}

/**
 * The public half of the host key that lies here for a board.
 *
 * @returns undefined when none does
 * @throws {RackError} or {InvalidFile} when something else does
 */
export async function hostKeyHere(folder: string, board: string): Promise<string | undefined> {
  const file = hostKeyFile(folder, board);
  const secret = await textIfThere(file);
  try {
    return secret === undefined ? undefined : publicLineOf(secret);
  } catch (cause) {
    if (!(cause instanceof InvalidSshKey)) throw cause;
    throw new RackError(`${file} ${cause.message}: remove it, and 'skyminer rack replace ${board}'`, {
      cause,
    });
  }
}

/** Whose keys are not in their places yet. */
async function boardsWithNext(folder: string): Promise<string[]> {
  const names = await readdir(join(folder, 'boards')).catch((error: unknown) => {
    if (isMissing(error)) return [];
    throw error;
  });
  // No name of a board has a dot, so nothing else can look like this.
  const boards = names.map((name) => /^([^.]+)\.next\./.exec(name)?.[1] ?? '');
  return [...new Set(boards.filter((board) => BOARD_NAME.test(board)))];
}

/** Identity and host key that are not in their places yet. */
function next(folder: string, board: string): [string, string] {
  return [boardKeyFile(folder, `${board}.next`), hostKeyFile(folder, `${board}.next`)];
}

async function renameIfThere(from: string, to: string): Promise<void> {
  await rename(from, to).catch((error: unknown) => {
    if (!isMissing(error)) throw error;
  });
}
