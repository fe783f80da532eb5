import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { maxStrangersListBytes } from '../../services/net/control/introduction.ts';
import { parseIdentity } from '../../services/net/key-file.ts';
import { parsePublicKey } from '../../services/net/keys.ts';
import { optionalText, shape, text } from '../../services/signal/shape.ts';
import { isMissing } from '../files.ts';
import { parseTold } from '../rack/told.ts';
import { formatBackup } from './document.ts';
import { BackupError } from './error.ts';
import { sealSecrets } from './secrets.ts';

/** What the supervisor adds, which the board's secrets have nothing to do with. */
export interface Asked {
  /** The owner's own config file. */
  config: string | undefined;
  /** Version of the image. */
  image: string;
}

/** Names of what systemd hands over, as in `viscript-backup@.service`; what is an empty line is not on the board. */
const HANDED = {
  identity: 'identity.key',
  sshHostKey: 'ssh_host_ed25519_key',
  sshHostKeyPublic: 'ssh_host_ed25519_key.pub',
  consolePassphrase: 'console_passphrase',
  boardFile: 'board.yaml',
  rack: 'rack',
  members: 'members',
  mesh: 'mesh.yaml',
  backupKey: 'backup_key',
} as const;

const askedShape = shape(
  (fields): Asked => ({
    config: optionalText(fields, 'config'),
    image: text(fields, 'image', 128),
  }),
);

/** @throws {ShapeError | SyntaxError} */
export function parseAsked(line: string): Asked {
  return askedShape.parse(JSON.parse(line));
}

/**
 * Makes the backup of a board of what systemd has handed over.
 *
 * @param folder of the credentials
 * @throws {BackupError} when the board has nobody to seal its secrets to
 */
export async function makeBackup(folder: string, { config, image }: Asked): Promise<string> {
  const handed = (name: keyof typeof HANDED) => readHanded(join(folder, HANDED[name]));
  const [rack, mesh, identity, backupKey] = await Promise.all(
    (['rack', 'mesh', 'identity', 'backupKey'] as const).map(handed),
  );
  if (rack === undefined || mesh === undefined || identity === undefined)
    throw new BackupError('this board belongs to no rack: there is nobody to seal its secrets to');
  if (backupKey === undefined)
    throw new BackupError("this board knows no backup_key: make its card anew with 'skyminer provision'");
  const secrets = {
    identity,
    sshHostKey: (await handed('sshHostKey')) ?? '',
    sshHostKeyPublic: (await handed('sshHostKeyPublic')) ?? '',
    consolePassphrase: await handed('consolePassphrase'),
    boardFile: await handed('boardFile'),
  };
  const members = await handed('members');
  const isShort = members !== undefined && members.length <= maxStrangersListBytes;
  return formatBackup(parseIdentity(identity, 'identity.key'), {
    ...{ board: parseTold(mesh).board, rack: parsePublicKey(rack.trimEnd()), image, config },
    made: new Date().toISOString(),
    members: isShort ? members : undefined,
    sealed: sealSecrets(secrets, keyBytes(backupKey)),
  });
}

async function readHanded(file: string): Promise<string | undefined> {
  try {
    const content = await readFile(file, 'utf8');
    return content.trim() === '' ? undefined : content;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function keyBytes(line: string): Buffer {
  const hex = /^([0-9a-f]{64})\n?$/.exec(line)?.[1];
  if (hex === undefined)
    throw new BackupError('the backup_key of this board is damaged: it is no key of 64 hex digits');
  return Buffer.from(hex, 'hex');
}
