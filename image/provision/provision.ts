import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Identity } from '../../services/net/keys.ts';
import { InvalidFile } from '../../services/yaml/index.ts';
import type { BoardSettings } from '../board-settings/settings.ts';
import { BOARD_FILE, formatBoardFile, readBoardFile } from '../board-settings/text.ts';
import { ImageError } from '../error.ts';
import { Ext4Partition, type RootFile } from './ext4.ts';
import { FatPartition } from './fat.ts';

/** What only a board may have, beside what its file says. */
export interface BoardSecrets {
  identity: Identity;
  /** An Ed25519 key in OpenSSH's format: the text of the file, and of that with `.pub`. */
  sshHostKey: { secret: string; public: string };
}

export interface ProvisionOptions {
  /** Take a card that is another board's already. */
  force?: boolean;
}

const IDENTITY = '/skyminer/identity.key';

/**
 * Makes an image, or a card that is not mounted, a board's own: writes the board file into its partition `boot` and the
 * board's secrets into `data`, and nothing else; reads all of it back and compares.
 *
 * @param card file or device
 * @throws {ImageError} when it is another board's already, is no image of a Skyminer, or did not take what was written
 * @throws {InvalidFile} when the settings are wrong; nothing was written
 */
export async function provision(
  card: string,
  settings: BoardSettings,
  secrets: BoardSecrets,
  { force = false }: ProvisionOptions = {},
): Promise<void> {
  const file = resolve(card);
  if (/[?@\s"]/.test(file.slice(file.lastIndexOf('/'))))
    throw new ImageError(`${card}: give the file a name without blanks, quotes, ? and @.`);
  const text = Buffer.from(formatBoardFile(settings));
  // debugfs takes its commands apart at blanks, so the folder cannot be just wherever TMPDIR says.
  const place = /[\s"]/.test(tmpdir()) ? '/tmp' : tmpdir();
  const scratch = await mkdtemp(join(place, 'skyminer-provision-'));
  try {
    const boot = await FatPartition.open(file, 'boot', scratch);
    const data = await Ext4Partition.open(file, 'data', scratch);
    if (!force) await refuseOthers(card, boot, data, settings, secrets);
    const files = filesOf(secrets);
    await data.write(files);
    await boot.write(BOARD_FILE, text);
    await compare(card, boot, data, text, files);
  } finally {
    await rm(scratch, { recursive: true });
  }
}

function filesOf({ identity, sshHostKey }: BoardSecrets): RootFile[] {
  const folder = (path: string, mode: number) => ({ path, mode, content: undefined });
  const file = (path: string, mode: number, text: string) => ({ path, mode, content: Buffer.from(text) });
  return [
    folder('/skyminer', 0o755),
    file(IDENTITY, 0o600, `${identity.secretKey.toString('hex')}\n`),
    folder('/ssh', 0o755),
    folder('/ssh/host', 0o700),
    file('/ssh/host/ssh_host_ed25519_key', 0o600, sshHostKey.secret),
    file('/ssh/host/ssh_host_ed25519_key.pub', 0o644, sshHostKey.public),
  ];
}

async function refuseOthers(
  card: string,
  boot: FatPartition,
  data: Ext4Partition,
  { board }: BoardSettings,
  { identity }: BoardSecrets,
): Promise<void> {
  const other = boardIn(await boot.read(BOARD_FILE));
  if (other !== undefined && other !== board)
    throw new ImageError(
      `${card} is the card of ${other}: take the common image, or give --force to make it ${board}'s.`,
    );
  const there = (await data.read(IDENTITY))?.content.toString().trim();
  if (there !== undefined && there !== identity.secretKey.toString('hex'))
    throw new ImageError(
      `${card} has the identity of another board: take the common image, or give --force to replace it by ${board}'s.`,
    );
}

/** Name in a board file; one that is wrong belongs to nobody. */
function boardIn(content: Buffer | undefined): string | undefined {
  if (content === undefined) return undefined;
  try {
    return readBoardFile(content)?.board;
  } catch (error) {
    if (error instanceof InvalidFile) return undefined;
    throw error;
  }
}

async function compare(
  card: string,
  boot: FatPartition,
  data: Ext4Partition,
  text: Buffer,
  files: readonly RootFile[],
): Promise<void> {
  const wrong: string[] = [];
  if (!(await boot.read(BOARD_FILE))?.equals(text)) wrong.push(`boot: ${BOARD_FILE}`);
  for (const { path, mode, content } of files) {
    if (content === undefined) continue;
    const there = await data.read(path);
    if (!there?.content.equals(content) || there.mode !== mode || there.owner !== '0:0')
      wrong.push(`data: ${path}`);
  }
  if (wrong.length > 0)
    throw new ImageError(
      `${card} did not take what was written (${wrong.join(', ')}): make it again from the common image.`,
    );
}
