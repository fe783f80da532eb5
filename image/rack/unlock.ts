import { writeDurably } from '../../services/net/durable-file.ts';
import type { Identity, PublicKey } from '../../services/net/keys.ts';
import type { DhKeyPair } from '../../services/net/noise/x25519.ts';
import { InvalidSealedKey, openSealedIdentity, WrongPassphrase } from '../../services/net/sealed-key.ts';
import { backupKeyPair, backupKeyText } from './backup-key.ts';
import { RackError } from './error.ts';
import { rackFiles } from './files.ts';
import { readPart, readRack } from './read.ts';
import { textIfThere } from './text.ts';

/**
 * The rack's secret key. The key for backups is checked with it, and written where a rack has none yet: whoever exchanges
 * it could read what boards seal to it.
 *
 * @param expected the rack's public key
 * @throws {RackError} when the passphrase is wrong, or a key is another one than it should be
 */
export async function unlock(folder: string, passphrase: string, expected: PublicKey): Promise<Identity> {
  const files = rackFiles(folder);
  const rack = await open(folder, passphrase, expected);
  const [ours, given] = [`${backupKeyText(rack)}\n`, await textIfThere(files.backupKey)];
  if (given === undefined) await writeDurably(files.backupKey, ours, 0o644);
  else if (given !== ours)
    throw new RackError(
      `${files.backupKey} is not the key that belongs to ${files.key}: somebody has exchanged it. Remove it, and look who can write there`,
    );
  return rack;
}

/** What opens the backups of a rack's boards. @throws {RackError} */
export async function unlockBackups(folder: string, passphrase: string): Promise<DhKeyPair> {
  const { rack } = await readRack(folder);
  return backupKeyPair(await unlock(folder, passphrase, rack));
}

async function open(folder: string, passphrase: string, expected: PublicKey): Promise<Identity> {
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
