import { RackError } from '../../image/rack/error.ts';
import { hashPassphrase, MIN_PASSPHRASE } from '../../services/net/passphrase.ts';
import { askForNewPassphrase } from './passphrase.ts';
import type { PassphraseOptions } from './rack-commands.ts';

/** `skyminer passphrase`: one line on standard output, as services/net/passphrase.ts has it. */
export async function printPassphraseHash(options: PassphraseOptions): Promise<void> {
  const passphrase = await askForNewPassphrase(options, "the board's console");
  if (passphrase.length < MIN_PASSPHRASE)
    throw new RackError(`the passphrase is too short: give at least ${MIN_PASSPHRASE} characters`);
  process.stdout.write(await hashPassphrase(passphrase));
}
