import { stat } from 'node:fs/promises';
import { writeDurably } from '../../services/net/durable-file.ts';
import type { Identity } from '../../services/net/keys.ts';
import {
  type Member,
  type Membership,
  readMembership,
  signMembership,
} from '../../services/net/membership.ts';
import { withLock } from '../lock.ts';
import { settleKeys } from './board-keys.ts';
import { writeDerived } from './derived.ts';
import { rackFiles } from './files.ts';
import type { Description } from './rack-file/read.ts';
import { descriptionIfThere, explained, readRack } from './read.ts';

/** A rack as a change finds it. */
export interface Before {
  membership: Membership;
  /** Undefined where a rack does without a `rack.yaml`. */
  description: Description | undefined;
}

/** What is to be changed of a rack. */
export interface Change<T> {
  /** The next list, and the key that signs it; undefined: the list stays. */
  next: { rack: Identity; members: readonly Member[] } | undefined;
  /** The next `rack.yaml`; undefined: it stays. */
  rewritten?: Description | undefined;
  /** What to answer once all is written; what is left to do then is done before others may change the rack. */
  result(membership: Membership): T | Promise<T>;
}

/**
 * Makes one change of a rack at a time: of two, the second sees what the first has done.
 *
 * Whenever it is cut short, the folder works: `rack.yaml` comes first, which may be ahead of the list; then the list, which
 * counts; then the keys that were made for it get their names; then what follows from them.
 *
 * @param change may make keys (board-keys.ts), after all that it can refuse
 * @throws {RackError}
 * @throws {InvalidFile} when `rack.yaml` is wrong
 */
export async function changing<T>(
  folder: string,
  change: (before: Before) => Promise<Change<T>>,
): Promise<T> {
  const files = rackFiles(folder);
  await readRack(folder);
  return withLock(
    files.publicKey,
    (ours) => ours(),
    async () => {
      const membership = await readRack(folder);
      await settleKeys(folder, membership.members);
      const description = await descriptionIfThere(folder);
      const { next, rewritten, result } = await change({ membership, description });
      const list = next && explained(files.members, () => signed(next.rack, membership, next.members));
      if (rewritten !== undefined) {
        const { mode } = await stat(files.description);
        await writeDurably(files.description, rewritten.text, mode & 0o777);
      }
      if (list !== undefined) await writeDurably(files.members, list, 0o644);
      const after = list === undefined ? membership : readMembership(list, membership.rack);
      await settleKeys(folder, after.members);
      await writeDerived(folder, after, (rewritten ?? description)?.rack);
      return result(after);
    },
  );
}

function signed(rack: Identity, { number }: Membership, members: readonly Member[]): string {
  return signMembership(rack, number + 1, members);
}
