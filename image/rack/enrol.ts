import { readIdentity } from '../../services/net/key-file.ts';
import type { Member, Membership } from '../../services/net/membership.ts';
import { hostKeyHere, makeHostKey, makeKeys } from './board-keys.ts';
import { changing } from './change.ts';
import { RackError } from './error.ts';
import { boardKeyFile, rackFiles } from './files.ts';
import { readLock } from './lock-file.ts';
import type { Added } from './rack.ts';
import type { RackFile } from './rack-file/rack-file.ts';
import { readDescription, readRack } from './read.ts';
import { unlock } from './unlock.ts';

/** What `rack.yaml` says and the list does not yet. */
export interface Pending {
  /** Boards without an identity. */
  added: string[];
  /** Boards with other roles. */
  changed: string[];
  /** Boards of the list that `rack.yaml` lacks. */
  extra: string[];
}

export function pendingOf({ members }: Membership, { boards }: RackFile): Pending {
  const listed = new Map(members.map((member) => [member.board, member]));
  const names = [...boards.keys()];
  return {
    added: names.filter((name) => !listed.has(name)),
    changed: names.filter((name) => {
      const member = listed.get(name);
      return member !== undefined && member.roles.join() !== boards.get(name)?.roles.join();
    }),
    extra: members.map(({ board }) => board).filter((board) => !boards.has(board)),
  };
}

/** What came of enrolling. */
export interface Enrolled {
  membership: Membership;
  added: Added[];
  /** Members with other roles than before. */
  changed: Member[];
}

/**
 * Makes identities and SSH host keys for all boards of `rack.yaml` that have none, and one list for them and for those
 * whose roles are other ones, so that all cards carry the same. Where nothing is to be done, the list stays.
 *
 * @param passphrase asked for only when a list is to be signed
 * @throws {RackError} when a part of the folder is missing or wrong, or the passphrase is
 * @throws {InvalidFile} when `rack.yaml` is wrong
 */
export async function enrol(folder: string, passphrase: () => Promise<string>): Promise<Enrolled> {
  // Asked before others have to wait for the answer.
  const { added, changed } = pendingOf(await readRack(folder), await readDescription(folder));
  const given = added.length + changed.length > 0 ? await passphrase() : undefined;
  return changing(folder, async ({ membership, description }) => {
    if (description === undefined) throw new RackError(`${rackFiles(folder).description} has gone`);
    const { boards } = description.rack;
    const pending = pendingOf(membership, description.rack);
    await makeMissingHostKeys(folder, membership);
    if (pending.added.length + pending.changed.length === 0)
      return { next: undefined, result: (after) => ({ membership: after, added: [], changed: [] }) };

    const rack = await unlock(folder, given ?? (await passphrase()), membership.rack);
    const isChanged = ({ board }: Member) => pending.changed.includes(board);
    const kept = membership.members.map((member) =>
      isChanged(member) ? { ...member, roles: boards.get(member.board)?.roles ?? member.roles } : member,
    );
    const added: Added[] = [];
    for (const board of pending.added) {
      const member = { board, key: await makeKeys(folder, board), roles: boards.get(board)?.roles ?? [] };
      added.push({ member, keyFile: boardKeyFile(folder, board) });
    }
    return {
      next: { rack, members: [...kept, ...added.map(({ member }) => member)] },
      result: (after) => ({ membership: after, added, changed: after.members.filter(isChanged) }),
    };
  });
}

/** For boards whose identities lie here from before there were host keys. */
async function makeMissingHostKeys(folder: string, { members }: Membership): Promise<void> {
  const lock = await readLock(rackFiles(folder).lock);
  for (const { board, key } of members) {
    if (lock?.boards[board]?.ssh_host_key !== undefined || (await hostKeyHere(folder, board)) !== undefined)
      continue;
    const here = await readIdentity(boardKeyFile(folder, board));
    if (here?.publicKey === key) await makeHostKey(folder, board);
  }
}
