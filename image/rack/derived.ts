import { writeDurably } from '../../services/net/durable-file.ts';
import type { Membership } from '../../services/net/membership.ts';
import { hostKeyHere } from './board-keys.ts';
import { rackFiles } from './files.ts';
import { type BoardFacts, lockOf, lockText, readLock } from './lock-file.ts';
import type { RackFile } from './rack-file/rack-file.ts';
import { knownHostsText, sshConfigText } from './ssh-files.ts';

/** A file that follows from the list of members, the boards' keys and `rack.yaml`. */
export interface DerivedFile {
  file: string;
  text: string;
}

/**
 * The files that follow from the others, as they should be: `rack.lock.yaml`, `known_hosts` and `ssh_config`. A host key
 * that lies here no more is known by the lock file alone.
 *
 * @throws {RackError} when the lock file or a key is damaged
 */
export async function derivedFiles(
  folder: string,
  membership: Membership,
  description: RackFile | undefined,
): Promise<DerivedFile[]> {
  const files = rackFiles(folder);
  const before = await readLock(files.lock);
  const facts = new Map<string, BoardFacts>();
  for (const { board, key } of membership.members) {
    const locked = before?.boards[board];
    const kept = locked?.identity === key ? locked.ssh_host_key : undefined;
    const address = description?.boards.get(board)?.address;
    facts.set(board, { ssh_host_key: (await hostKeyHere(folder, board)) ?? kept, address });
  }
  const lock = lockOf(membership, facts);
  return [
    { file: files.lock, text: lockText(lock) },
    { file: files.knownHosts, text: knownHostsText(lock) },
    { file: files.sshConfig, text: sshConfigText(lock, files) },
  ];
}

export async function writeDerived(
  folder: string,
  membership: Membership,
  description: RackFile | undefined,
): Promise<void> {
  for (const { file, text } of await derivedFiles(folder, membership, description))
    await writeDurably(file, text, 0o644);
}
