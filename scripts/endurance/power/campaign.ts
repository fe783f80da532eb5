import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { cutPower } from './cuts.ts';

/** What power cuts did in all runs so far. */
export interface PowerTotals {
  /** Day of the last one: 2026-01-31. */
  day: string;
  recordings: number;
  cuts: number;
  /** Sectors of 512 bytes that were not flushed when the power went, and are gone. */
  gone: number;
  /** What was lost, a text a cut. */
  lost: string[];
}

export interface PowerOptions {
  /** Cuts in all runs together. */
  cuts: number;
  before: PowerTotals | undefined;
  /** Folder for the disks from which something was lost. */
  keep: string;
  /** Keeps the totals, after each recording. */
  save: (totals: PowerTotals) => Promise<void>;
  progress: (text: string) => void;
  signal: AbortSignal;
}

/** Each recording is another run of the writers; more cuts of one find less and less. */
const CUTS_OF_A_RECORDING = 100;
/** Versions that the first writer keeps in one. */
const VERSIONS = 400;
const writers = join(import.meta.dirname, 'writers.ts');

/** Cuts the power until there were as many cuts as are wanted, in all runs together. */
export async function powerCampaign(options: PowerOptions): Promise<PowerTotals> {
  const { cuts, before, keep, save, progress, signal } = options;
  const totals: PowerTotals = before ?? { day: today(), recordings: 0, cuts: 0, gone: 0, lost: [] };
  while (totals.cuts < cuts && !signal.aborted) {
    const found = await cutPower({
      ...{ writers, versions: VERSIONS, keep, seed: randomInt(2 ** 32) },
      cuts: Math.min(CUTS_OF_A_RECORDING, cuts - totals.cuts),
      progress: (text) => progress(`${totals.cuts} of ${cuts} power cuts are behind; ${text}`),
    });
    totals.day = today();
    totals.recordings++;
    totals.cuts += found.cuts;
    totals.gone += found.sectors.gone;
    totals.lost.push(...found.lost);
    await save(totals);
  }
  return totals;
}

function today(): string {
  return new Date().toISOString().slice(0, 10);
}
