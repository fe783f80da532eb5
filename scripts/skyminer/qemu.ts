import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { ImageError } from '../../image/error.ts';
import { runHub, runQemu } from '../../image/qemu/index.ts';
import { installPackages, planInstall } from '../host/packages.ts';
import { abortOnSignals, root, stepsOf } from '../lib/program.ts';

export interface QemuOptions {
  board: string;
  count: number;
  disk?: string;
  hub?: string;
  memory: number;
  cpus: number;
  key?: string;
  rack?: string;
  boards?: string[];
}

/** `skyminer qemu`: boots boards from an image that was built before. */
export async function startBoards(options: QemuOptions): Promise<void> {
  const { board, count, disk, hub, memory, cpus, key, rack, boards } = options;
  if (rack !== undefined) {
    const { startRack } = await import('./qemu-rack.ts');
    return startRack({ board, rack, memory, cpus, ...(boards === undefined ? {} : { boards }) });
  }
  if (boards !== undefined) throw new ImageError('--boards names boards of a rack: give --rack FOLDER.');
  if (hub !== undefined && count > 1) {
    throw new ImageError('--hub is for a single board: several boards have a hub of their own.');
  }
  const directory = join(root, 'out', board);
  const image = join(directory, 'skyminer.img');
  await access(image).catch((error: unknown) => {
    throw new ImageError(`There is no image of ${board}: build it with 'skyminer image --board ${board}'.`, {
      cause: error,
    });
  });
  const steps = stepsOf('qemu');
  await installPackages(await planInstall(['qemu']), steps);
  await runQemu({
    ...{ image, uBoot: join(directory, 'u-boot.bin'), boards: count, memoryMiB: memory, cpus },
    ...{ steps, input: process.stdin, output: process.stdout, signal: abortOnSignals() },
    ...(disk === undefined ? {} : { keep: disk }),
    ...(hub === undefined ? {} : { hub }),
    ...(key === undefined ? {} : { authorizedKeys: key }),
  });
}

/** `skyminer hub`: an Ethernet switch for boards, until its input ends or it is interrupted. */
export async function startHub(path: string, { seed }: { seed: number }): Promise<void> {
  await runHub({ path, seed, input: process.stdin, output: process.stdout, signal: abortOnSignals() });
}
