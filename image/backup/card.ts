import { mkdtemp, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseIdentity } from '../../services/net/key-file.ts';
import type { Membership } from '../../services/net/membership.ts';
import type { DhKeyPair } from '../../services/net/noise/x25519.ts';
import { publicLineOf } from '../../services/net/ssh/host-key.ts';
import { InvalidSshKey } from '../../services/net/ssh/public-key.ts';
import { InvalidFile } from '../../services/yaml/index.ts';
import type { BoardSettings } from '../board-settings/settings.ts';
import { readBoardFile } from '../board-settings/text.ts';
import { ImageError } from '../error.ts';
import { Ext4Partition, type RootFile } from '../provision/ext4.ts';
import { type BoardSecrets, provision } from '../provision/provision.ts';
import type { Backup } from './document.ts';
import { BackupError } from './error.ts';
import { openSecrets } from './secrets.ts';

/** The list of the rack that a backup is for. */
export interface RackList {
  membership: Membership;
  /** As it was signed. */
  members: string;
}

/** All that makes a card the one that a backup was made of. */
export interface RestoredCard {
  settings: BoardSettings;
  secrets: BoardSecrets;
  /** What else was on `data`. */
  files: RootFile[];
}

/** @throws {BackupError} unless it is one of this board, which the list has with the same key */
export function checkBackup({ rack, board, key }: Backup, wanted: string, { membership }: RackList): void {
  const { number, members } = membership;
  if (rack !== membership.rack) throw new BackupError(`this is a backup of another rack: ${rack}`);
  if (board !== wanted) throw new BackupError(`this is a backup of ${board}, not of ${wanted}`);
  const member = members.find((each) => each.board === board);
  if (member === undefined) throw new BackupError(`list number ${number} of the rack has no board ${board}`);
  if (member.key !== key)
    throw new BackupError(
      `this backup was made before ${board} was replaced: list number ${number} has another key of it, and others refuse this one`,
    );
}

/**
 * Opens the secrets of a backup that {@link checkBackup} found right.
 *
 * @param by the rack's key for backups
 * @throws {BackupError} when it cannot be opened, or a part of it is none
 */
export function cardOfBackup(backup: Backup, by: DhKeyPair, { members }: RackList): RestoredCard {
  const { board, key, sealed, config } = backup;
  const { identity, sshHostKey, boardFile, consolePassphrase } = openSecrets(sealed, by);
  const settings = settingsIn(boardFile, board);
  const mesh = settings.mesh && { ...settings.mesh, members };
  const secrets = {
    identity: parseIdentity(identity, 'the identity in this backup'),
    sshHostKey: { secret: sshHostKey, public: `${publicLine(sshHostKey)}\n` },
  };
  if (secrets.identity.publicKey !== key)
    throw new BackupError('the identity in this backup is not the one that has signed it');
  return { settings: { ...settings, mesh }, secrets, files: filesOf(config, consolePassphrase, settings) };
}

/** Writes all of it into an image, or a card that is not mounted. @throws as {@link provision} */
export async function writeCard(card: string, { settings, secrets, files }: RestoredCard): Promise<void> {
  await provision(card, settings, secrets, { force: true });
  if (files.length === 0) return;
  const scratch = await mkdtemp('/tmp/skyminer-restore-');
  try {
    const data = await Ext4Partition.open(resolve(card), 'data', scratch);
    await data.write(files);
    for (const { path, content } of files) {
      const there = (await data.read(path))?.content;
      if (content !== undefined && !there?.equals(content))
        throw new ImageError(`${card} did not take what was written (data: ${path}): make it again.`);
    }
  } finally {
    await rm(scratch, { recursive: true });
  }
}

function settingsIn(boardFile: string | undefined, board: string): BoardSettings {
  try {
    const settings = boardFile === undefined ? undefined : readBoardFile(boardFile);
    if (settings?.board === board) return settings;
  } catch (cause) {
    if (!(cause instanceof InvalidFile)) throw cause;
    throw new BackupError(`the board file in this backup cannot be used: ${cause.message}`, { cause });
  }
  throw new BackupError(
    `this backup holds no board file of ${board}: make a card with 'skyminer rack replace ${board}' and 'skyminer provision'`,
  );
}

function publicLine(secret: string): string {
  try {
    return publicLineOf(secret);
  } catch (cause) {
    if (!(cause instanceof InvalidSshKey)) throw cause;
    throw new BackupError(`the SSH host key in this backup ${cause.message}`, { cause });
  }
}

/** What the board file does not bring by itself. Owners and modes of folders are put right at the first start. */
function filesOf(
  config: string | undefined,
  consolePassphrase: string | undefined,
  settings: BoardSettings,
): RootFile[] {
  const files: RootFile[] = [];
  const add = (folder: string, name: string, modes: [folder: number, file: number], text: string) =>
    files.push(
      { path: folder, mode: modes[0], content: undefined },
      { path: `${folder}/${name}`, mode: modes[1], content: Buffer.from(text) },
    );
  if (config !== undefined) add('/viscript', 'config.yaml', [0o750, 0o644], config);
  if (consolePassphrase !== undefined && settings.consolePassphrase === undefined)
    add('/console', 'passphrase', [0o711, 0o600], consolePassphrase);
  return files;
}
