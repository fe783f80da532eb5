import { InvalidKey, type PublicKey, parsePublicKey } from '../../services/net/keys.ts';
import { InvalidMembership, type Membership, readMembership } from '../../services/net/membership.ts';
import { RackError } from './error.ts';
import { rackFiles } from './files.ts';
import { readLock } from './lock-file.ts';
import type { RackFile } from './rack-file/rack-file.ts';
import { type Description, describeRack } from './rack-file/read.ts';
import { textIfThere } from './text.ts';

/**
 * Reads who belongs to a rack and checks the rack's signature. Needs no passphrase.
 *
 * @throws {RackError}
 */
export async function readRack(folder: string): Promise<Membership> {
  return (await readSignedList(folder)).membership;
}

/** As {@link readRack}, with the text that was signed. @throws {RackError} */
export async function readSignedList(folder: string): Promise<{ membership: Membership; text: string }> {
  const files = rackFiles(folder);
  const publicKey = await readPublicKey(files.publicKey, folder);
  const text = await readPart(files.members, folder);
  const membership = explained(files.members, () => readMembership(text, publicKey));
  const lock = await readLock(files.lock);
  if (lock !== undefined && lock.number > membership.number)
    throw new RackError(
      `${files.members} is number ${membership.number}, but ${files.lock} knows number ${lock.number}: boards take no ` +
        'lower number than they have. Put back the newest members',
    );
  return { membership, text };
}

/** @throws {InvalidFile} with everything that is wrong */
export async function descriptionIfThere(folder: string): Promise<Description | undefined> {
  const { description } = rackFiles(folder);
  const text = await textIfThere(description);
  return text === undefined ? undefined : describeRack(text, description);
}

/**
 * Reads `rack.yaml`.
 *
 * @throws {RackError} when it is missing
 * @throws {InvalidFile} with everything that is wrong
 */
export async function readDescription(folder: string): Promise<RackFile> {
  const { description } = rackFiles(folder);
  return (await describeRack(await readPart(description, folder), description)).rack;
}

/** The public key that backups are sealed to. @throws {RackError} */
export async function readBackupKey(folder: string): Promise<string> {
  return readPublicKey(rackFiles(folder).backupKey, folder);
}

/** The text of a part of the folder. @throws {RackError} when it is missing */
export async function readPart(file: string, folder: string): Promise<string> {
  const text = await textIfThere(file);
  if (text === undefined) throw new RackError(`${file} is missing: ${remedyOf(file, folder)}`);
  return text;
}

/** @throws {RackError} naming the file where `read` finds fault with its content */
export function explained<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof InvalidKey || cause instanceof InvalidMembership)) throw cause;
    throw new RackError(`${file}: ${cause.message}`, { cause });
  }
}

function remedyOf(file: string, folder: string): string {
  const { publicKey, backupKey } = rackFiles(folder);
  if (file === publicKey) return `make a rack with 'skyminer rack init --rack ${folder}', or name yours`;
  return file === backupKey
    ? `'skyminer rack sign --rack ${folder}' makes it again`
    : 'put it back from where you keep copies of this folder';
}

async function readPublicKey(file: string, folder: string): Promise<PublicKey> {
  const text = await readPart(file, folder);
  return explained(file, () => parsePublicKey(text.trimEnd()));
}
