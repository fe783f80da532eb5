import { createHash } from 'node:crypto';
import { chmod, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeDurably } from '../../services/net/durable-file.ts';
import type { PublicKey } from '../../services/net/keys.ts';
import { isMissing } from '../files.ts';
import { makeDisk } from '../qemu/disk.ts';
import { RackError } from '../rack/error.ts';
import { readRack } from '../rack/read.ts';
import { changedCopy, isThere } from './card-image.ts';
import { cardOf } from './from-rack.ts';
import { provision } from './provision.ts';

/** Of a card that is large enough to take updates. */
const DISK_MIB = 2048;

export interface EmulatedDisk {
  /** The rack's folder. */
  rack: string;
  board: string;
  /** The common image, of which a disk is made where there is none. */
  image: string;
  /** Where disks are kept: a folder that only this user may read, for they hold secret keys. */
  folder: string;
}

/**
 * The disk of a board of a rack in QEMU, a qcow2 file: the one that is there, or a new one, provisioned as a card is. The
 * board has the addresses of `rack.yaml` on the card with the hardware address {@link macOf}. Its keys stay in the rack's
 * folder.
 *
 * @throws {RackError} when it is no board of the rack, its keys are gone, or the disk is that of a board before it was replaced
 * @throws {InvalidFile} when `rack.yaml` is wrong
 */
export async function emulatedDisk({ rack, board, image, folder }: EmulatedDisk): Promise<string> {
  const disk = join(folder, `${board}.qcow2`);
  const noteFile = join(folder, `${board}.identity`);
  const { members } = await readRack(rack);
  const key = members.find((member) => member.board === board)?.key;
  if (key === undefined)
    throw new RackError(`${board} does not belong to the rack ${rack}: see 'skyminer rack list'`);
  if (await isThere(disk)) await refuseOther(disk, noteFile, board, key);
  else await makeCard(disk, noteFile, { rack, board, image, folder });
  return disk;
}

/** The same for a board wherever it is started; locally administered. */
export function macOf(board: string): string {
  const digits = createHash('sha256').update(board).digest('hex').slice(0, 10);
  return ['02', ...(digits.match(/../g) ?? [])].join(':');
}

/** Whose a disk is, is noted beside it before it is there. */
async function refuseOther(disk: string, noteFile: string, board: string, key: PublicKey): Promise<void> {
  const noted = await readFile(noteFile, 'utf8').catch((error: unknown) => {
    if (isMissing(error)) return 'another key';
    throw error;
  });
  if (noted.trimEnd() === key) return;
  throw new RackError(
    `${disk} is the disk of another ${board}, not of ${key}: delete it, and ${board} gets a new one with its keys of now`,
  );
}

async function makeCard(
  disk: string,
  noteFile: string,
  { rack, board, image, folder }: EmulatedDisk,
): Promise<void> {
  const { settings, secrets } = await cardOf(rack, board);
  const network = { ...(settings.network ?? { dns: [], ntp: [] }), mac: macOf(board) };
  const card = join(folder, `${board}.img`);
  try {
    await changedCopy(image, card, true, (copy) => provision(copy, { ...settings, network }, secrets));
    await writeDurably(noteFile, `${secrets.identity.publicKey}\n`, 0o600);
    await makeDisk({ image: card, keep: disk, sizeMiB: DISK_MIB, scratch: folder });
    await chmod(disk, 0o600);
  } finally {
    await rm(card, { force: true });
  }
}
