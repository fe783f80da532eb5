import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { syncFolder, writeDurably } from '../../services/net/durable-file.ts';
import { Identity } from '../../services/net/keys.ts';
import { type Membership, readMembership, signMembership } from '../../services/net/membership.ts';
import { MIN_PASSPHRASE } from '../../services/net/passphrase.ts';
import { sealIdentity } from '../../services/net/sealed-key.ts';
import { isMissing } from '../files.ts';
import { backupKeyText } from './backup-key.ts';
import { writeDerived } from './derived.ts';
import { RackError } from './error.ts';
import { rackFiles } from './files.ts';

/**
 * Makes a rack: a folder with a new rack key under this passphrase, and a list of no members with the number 1.
 *
 * @param description the text of its `rack.yaml`; a rack can do without one, when a program alone uses it
 * @throws {RackError} when something is there already, or the passphrase is too short
 */
export async function createRack(
  folder: string,
  passphrase: string,
  description?: string,
): Promise<Membership> {
  if (passphrase.length < MIN_PASSPHRASE)
    throw new RackError(`the passphrase is too short: give at least ${MIN_PASSPHRASE} characters`);
  await checkFree(folder);
  const place = resolve(folder);
  await mkdir(dirname(place), { recursive: true });
  // Filled under another name, then renamed: it is there whole or not at all, and never in place of another.
  const making = await mkdtemp(join(dirname(place), `.${basename(place)}-`));
  try {
    const rack = Identity.generate();
    const files = rackFiles(making);
    const text = signMembership(rack, 1, []);
    const membership = readMembership(text, rack.publicKey);
    await writeDurably(files.key, await sealIdentity(rack, passphrase), 0o600);
    await writeDurably(files.publicKey, `${rack.publicKey}\n`, 0o644);
    await writeDurably(files.backupKey, `${backupKeyText(rack)}\n`, 0o644);
    await writeDurably(files.members, text, 0o644);
    if (description !== undefined) await writeDurably(files.description, description, 0o644);
    await writeDerived(making, membership, undefined);
    await rename(making, place);
    await syncFolder(dirname(place));
    return membership;
  } catch (cause) {
    await checkFree(folder);
    throw cause;
  } finally {
    await rm(making, { recursive: true, force: true });
  }
}

/** @throws {RackError} when a folder cannot become a rack, for there is something in it or it is none */
export async function checkFree(folder: string): Promise<void> {
  try {
    if ((await readdir(folder)).length === 0) return;
  } catch (error) {
    if (isMissing(error)) return;
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOTDIR')) throw error;
  }
  throw new RackError(
    `${folder} is there already, and a rack's key is never overwritten: name another --rack`,
  );
}
