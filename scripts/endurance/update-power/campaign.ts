import { randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bootFrom } from './boot.ts';
import { cutUpdate, type UpdateFindings } from './cuts.ts';
import { makeBefore } from './images.ts';
import { recordUpdate } from './recording.ts';

/** What power cuts did to updates in the last run. */
export interface UpdatePowerTotals extends Pick<UpdateFindings, 'cuts' | 'boots' | 'lost'> {
  /** Day of it: 2026-01-31. */
  day: string;
  /** Cuts that left the slot half written. */
  torn: number;
}

export interface UpdatePowerOptions {
  /** Image whose slot the update writes. */
  image: string;
  uBoot: string;
  cuts: number;
  /** Boards that are booted with what a cut has left. */
  boots: number;
  progress?: (text: string) => void;
  /** Default: another one each time. */
  seed?: number;
}

/** Records how a board updates its slot B, and cuts the power of its disk again and again. */
export async function updatePower(options: UpdatePowerOptions): Promise<UpdateFindings> {
  const { image: after, uBoot, cuts, boots: count, progress, seed = randomInt(2 ** 32) } = options;
  const folder = await mkdtemp(join(tmpdir(), 'skyminer-update-'));
  try {
    const before = join(folder, 'before.img');
    await makeBefore(after, before);
    using record = await recordUpdate({ folder: join(folder, 'recording'), before, after, uBoot });
    return await cutUpdate({
      ...{ record, after, cuts, seed, ...(progress === undefined ? {} : { progress }) },
      boots: { count, folder, boot: (disk, slot) => bootFrom(disk, slot, uBoot) },
    });
  } finally {
    await rm(folder, { recursive: true });
  }
}
