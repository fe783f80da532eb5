import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { loadOwnerSecret } from '../../../services/names/client.ts';
import { identityIn } from '../../../services/net/key-file.ts';
import { pause } from '../../../services/signal/pause.ts';
import { appendLine, linesOf } from './journal.ts';
import { expectVersion, Lost, type Writer } from './writer.ts';

/** A board makes such a file once in its life; here it makes some of them, at distances. */
const MOST = 40;
const DISTANCE_MS = 50;

/** Identities: one that others have seen stays the board's for ever. */
export const identities: Writer = onceWriter('identity', async (file) => (await identityIn(file)).publicKey);

/** Secrets that prove to apptracker whose a name is. */
export const ownerSecrets: Writer = onceWriter('secret', loadOwnerSecret);

/**
 * Files that are made once and then read.
 *
 * @param open makes what is in a file where there is none yet, and returns it as text of one line
 */
function onceWriter(name: string, open: (file: string) => Promise<string>): Writer {
  return {
    async write(folder, kept, signal) {
      for (let version = 1; version <= MOST && !signal.aborted; version++) {
        const made = await open(join(folder, `${name}-${version}`));
        // Before it is remembered here: that would bring onto the disk what was not there yet.
        kept(version);
        await appendLine(join(folder, 'told'), made);
        await pause(DISTANCE_MS, signal);
      }
    },
    async check(folder, kept) {
      // The last one may be zeros in part: see the journal.
      const told = (await linesOf(join(folder, 'told'))).filter((line) => !line.includes('\0'));
      // The names are read before any is made anew.
      const names = kept === 0 && told.length === 0 ? [] : await readdir(folder);
      for (let version = 1; version <= Math.max(kept, told.length); version++) {
        const file = `${name}-${version}`;
        if (!names.includes(file)) throw new Lost(`${file} was kept, and is not there`);
        const found = await open(join(folder, file));
        if (version <= told.length) expectVersion(found, told[version - 1], file);
      }
      // One that was being made is whole, or made anew.
      await open(join(folder, `${name}-${kept + 1}`));
    },
  };
}
