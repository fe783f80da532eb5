import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { cutPower } from './cuts.ts';

/** What power cuts did in all runs so far. */
export interface PowerTotals {
  /** Day of the last one: 2026-01-31. */
  day: string;
  recordings: number;
  cuts: number;
  /** Boards that were booted after a cut. */
  boots: number;
  /** Sectors of 512 bytes that were not flushed when the power went, and are gone. */
  gone: number;
  /** What was lost, a text a cut. */
  lost: string[];
}

export interface PowerOptions {
  /** Cuts in all runs together. */
  cuts: number;
  /** Image that boards boot after some of the cuts. */
  image: string;
  uBoot: string;
  before: PowerTotals | undefined;
  /** Folder for the disks from which something was lost. */
  keep: string;
  /** Keeps the totals, after each recording. */
  save: (totals: PowerTotals) => Promise<void>;
  progress: (text: string) => void;
  signal: AbortSignal;
}

/** Each recording is another run of the writers, and ends with the boot of a board: 20 of them for 3,000 cuts. */
const CUTS_OF_A_RECORDING = 150;
/** Versions that the first writer keeps in one. */
const VERSIONS = 400;
const writers = join(import.meta.dirname, 'writers.ts');

/** Cuts the power until there were as many cuts as are wanted, in all runs together. */
export async function powerCampaign(options: PowerOptions): Promise<PowerTotals> {
  const { cuts, image, uBoot, before, keep, save, progress, signal } = options;
  const totals: PowerTotals = before ?? { day: today(), recordings: 0, cuts: 0, boots: 0, gone: 0, lost: [] };
  while (totals.cuts < cuts && !signal.aborted) {
    const found = await cutPower({
      ...{ writers, versions: VERSIONS, keep, seed: randomInt(2 ** 32) },
      boots: { count: 1, image, uBoot },
      cuts: Math.min(CUTS_OF_A_RECORDING, cuts - totals.cuts),
      progress: (text) => progress(`${totals.cuts} of ${cuts} power cuts are behind; ${text}`),
    });
    totals.day = today();
    totals.recordings++;
    totals.cuts += found.cuts;
    totals.boots += found.boots;
    totals.gone += found.sectors.gone;
    totals.lost.push(...found.lost);
    await save(totals);
  }
  return totals;
}

function today(): string {
  return new Date().toISOString().slice(0, 10);
}
