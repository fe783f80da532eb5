import { readFile } from 'node:fs/promises';
import { readIdentity } from '../../services/net/key-file.ts';
import { publicLineOf } from '../../services/net/ssh/host-key.ts';
import { InvalidSshKey } from '../../services/net/ssh/public-key.ts';
import type { BoardSettings } from '../board-settings/settings.ts';
import { isMissing } from '../files.ts';
import { boardSettings, readContents } from '../rack/board-settings.ts';
import { RackError } from '../rack/error.ts';
import { boardKeyFile, hostKeyFile } from '../rack/files.ts';
import type { BoardSecrets } from './provision.ts';

/**
 * What the card of a board gets, from the folder of its rack.
 *
 * @throws {RackError} when it is no board of the rack, or its secret keys are not in the folder
 * @throws {InvalidFile} when `rack.yaml` is wrong
 */
export async function cardOf(
  folder: string,
  board: string,
): Promise<{ settings: BoardSettings; secrets: BoardSecrets }> {
  const contents = await readContents(folder);
  const settings = boardSettings(contents, board);
  const member = contents.membership.members.find((other) => other.board === board);
  const file = boardKeyFile(folder, board);
  const identity = await readIdentity(file);
  if (identity === undefined) throw goneFrom(file, board);
  if (identity.publicKey !== member?.key)
    throw new RackError(
      `${file} is not the key of ${board} in the list: 'skyminer rack replace ${board}' makes new ones`,
    );
  return { settings, secrets: { identity, sshHostKey: await readHostKey(folder, board) } };
}

async function readHostKey(folder: string, board: string): Promise<BoardSecrets['sshHostKey']> {
  const file = hostKeyFile(folder, board);
  try {
    const secret = await readFile(file, 'utf8');
    return { secret, public: `${publicLineOf(secret)}\n` };
  } catch (cause) {
    if (isMissing(cause)) throw goneFrom(file, board, cause);
    if (!(cause instanceof InvalidSshKey)) throw cause;
    throw new RackError(`${file} ${cause.message}: 'skyminer rack replace ${board}' makes new keys`, {
      cause,
    });
  }
}

function goneFrom(file: string, board: string, cause?: unknown): RackError {
  return new RackError(
    `${file} is not here; a card has it already, or never will: for a new card, 'skyminer rack replace ${board}'`,
    { cause },
  );
}
