import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { ImageError } from '../../image/error.ts';
import { makeBundle } from '../../image/update/bundle.ts';
import { makeUpdateKeys, updateKeys } from '../../image/update/keys.ts';
import { installPackages, planInstall } from '../host/packages.ts';
import { root, stepsOf } from '../lib/program.ts';
import { askForNewPassphrase, askForPassphrase } from './passphrase.ts';
import type { PassphraseOptions } from './rack-commands.ts';

export interface BundleCommandOptions {
  board: string;
  keys: string;
  out?: string;
  bundleVersion?: string;
}

export interface UpdateKeysOptions extends PassphraseOptions {
  name: string;
  above?: string;
  abovePassphraseFile?: string;
}

/** `skyminer bundle`: signs an image as an update. */
export async function bundleImage(
  given: string | undefined,
  { board, keys: folder, out, bundleVersion }: BundleCommandOptions,
): Promise<void> {
  const image = given ?? join(root, 'out', board, 'skyminer.img');
  await access(image).catch((cause: unknown) => {
    throw new ImageError(`There is no image ${image}: build it with 'skyminer image --board ${board}'.`, {
      cause,
    });
  });
  const steps = stepsOf('bundle');
  await installPackages(await planInstall(['bundle']), steps);
  const keys = updateKeys(folder);
  const chain = (await isThere(keys.chain)) ? keys.chain : undefined;
  const signer = { key: keys.signerKey, certificate: keys.signer, chain };
  const { file, version } = await steps.step('Sign the bundle', 'See the log.', async (step) => {
    const made = await makeBundle({ image, out, signer, version: bundleVersion, log: step.log });
    step.note(made.version);
    return made;
  });
  process.stdout.write(`\n${file}\nInstall version ${version} on a board that trusts ${keys.authority}:\n`);
  process.stdout.write(
    `  scp BUNDLE admin@BOARD:/data/update/ && ssh viscript@BOARD update /data/update/BUNDLE\n`,
  );
}

/** `skyminer update-keys`: makes an authority for updates, and a key that signs them. */
export async function newUpdateKeys(folder: string, options: UpdateKeysOptions): Promise<void> {
  const { name, above: upper, abovePassphraseFile, ...given } = options;
  await installPackages(await planInstall(['bundle']), stepsOf('bundle'));
  const passphrase = await askForNewPassphrase(given, 'the authority');
  const above =
    upper === undefined
      ? undefined
      : { folder: upper, passphrase: await passphraseAbove(upper, abovePassphraseFile) };
  const { authority, signerKey } = await makeUpdateKeys({ folder, name, passphrase, above });
  process.stdout.write(
    `${authority}: name it in rack.yaml, update_keys\n${signerKey}: signs; keep it secret\n`,
  );
}

function passphraseAbove(folder: string, file: string | undefined): Promise<string> {
  const options = file === undefined ? {} : { passphraseFile: file };
  return askForPassphrase(options, `Passphrase of the authority ${folder}: `);
}

async function isThere(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
