import { rm } from 'node:fs/promises';
import { findPartition } from '../../image/disk/partitions.ts';
import { changedCopy } from '../../image/provision/card-image.ts';
import { cardOf } from '../../image/provision/from-rack.ts';
import { provision } from '../../image/provision/provision.ts';
import { enrol } from '../../image/rack/enrol.ts';
import { boardKeyFile, hostKeyFile } from '../../image/rack/files.ts';
import { checkName } from '../../image/rack/rack.ts';
import { installPackages, planInstall } from '../host/packages.ts';
import { stepsOf } from '../lib/program.ts';
import { askForPassphrase } from './passphrase.ts';
import type { PassphraseOptions } from './rack-commands.ts';

export interface ProvisionImageOptions extends PassphraseOptions {
  board: string;
  out?: string;
  rack: string;
  keepKeys: boolean;
  force: boolean;
}

/**
 * `skyminer provision`: writes the image of a board's card, and removes its secret keys from where they waited for it. All
 * boards of rack.yaml that have no keys yet get theirs first, so that all cards carry one list.
 */
export async function provisionImage(image: string, options: ProvisionImageOptions): Promise<void> {
  const { board, rack, keepKeys, force } = options;
  checkName(board);
  // Not beside the image: what lies there goes when it is built again, and this has keys that are nowhere else.
  const out = options.out ?? `${board}.img`;
  await findPartition(image, 'data');
  await enrol(rack, () => askForPassphrase(options));
  const { settings, secrets } = await cardOf(rack, board);
  const steps = stepsOf('provision');
  await installPackages(await planInstall(['provision']), steps);
  await changedCopy(image, out, force, (copy) => provision(copy, settings, secrets, { force }));
  if (!keepKeys) for (const file of [boardKeyFile(rack, board), hostKeyFile(rack, board)]) await rm(file);
  const { address } = settings.network ?? {};
  process.stdout.write(
    `${out}: the card of ${board}, ${address ?? 'address by DHCP'}; it holds secret keys\n` +
      (keepKeys
        ? ''
        : `its secret keys are on no other file now: 'skyminer rack replace ${board}' makes new ones\n`),
  );
}
