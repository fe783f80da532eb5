import { readFile, writeFile } from 'node:fs/promises';
import { rackFiles } from '../../../image/rack/files.ts';
import { openSealedIdentity, sealIdentity } from '../../../services/net/sealed-key.ts';

/** Seals a rack's key anew so that opening it costs little: each change does, and what a guess costs is tested elsewhere. */
export async function makeKeyCheap(rack: string, passphrase: string): Promise<void> {
  const { key } = rackFiles(rack);
  const identity = await openSealedIdentity(await readFile(key, 'utf8'), passphrase);
  await writeFile(key, await sealIdentity(identity, passphrase, 14));
}
