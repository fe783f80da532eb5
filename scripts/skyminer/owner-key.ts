import { readdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { isMissing } from '../../image/files.ts';
import { sshKeysIn } from '../../image/rack/rack-file/named-files.ts';

/** Public keys of the owner of a new rack, and in which words to tell of them. */
export interface OwnerKeys {
  keys: string[];
  told: string;
}

/**
 * The keys in a file; without one, those of the person at this machine, if it is clear which.
 *
 * @throws {InvalidFile} when the file that was named holds something else
 */
export async function ownerKeys(file: string | undefined): Promise<OwnerKeys> {
  if (file !== undefined) return { keys: await sshKeysIn(file), told: `SSH key: ${file}` };
  const folder = join(homedir(), '.ssh');
  const found = (await names(folder)).filter((name) => /^id_.*\.pub$/.test(name)).sort();
  const [first, second] = found;
  if (first !== undefined && second === undefined) {
    const only = join(folder, first);
    return { keys: await sshKeysIn(only), told: `SSH key: ${only}` };
  }
  const why = first === undefined ? `there is none in ${folder}` : `there are several: ${found.join(', ')}`;
  return { keys: [], told: `SSH key: none was taken, ${why}; write yours into ssh_keys of rack.yaml` };
}

async function names(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
