import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Cut, chooseCuts, Replay } from './cut.ts';
import type { DiskRecord } from './disk-record.ts';
import { judgeDisk } from './judge.ts';
import { recordWriters } from './recording.ts';
import { Lost, type Writer } from './writer.ts';

export interface CutsOptions {
  /** File of a module that exports `writers`. */
  writers: string;
  /** Power cuts, all of one recording. */
  cuts: number;
  /** Versions that the first writer keeps while it is recorded. */
  versions: number;
  seed: number;
  /** Folder in which the disks are kept from which something was lost. */
  keep: string;
  progress?: (text: string) => void;
}

/** What power cuts did. */
export interface CutsFindings {
  cuts: number;
  /** Writes and flushes of the recording. */
  writes: number;
  flushes: number;
  /** Versions that writers were promised, and so many of the cuts had to leave one of them. */
  promises: number;
  /** Sectors of 512 bytes that were not flushed when the power went, and are gone, or there all the same. */
  sectors: { there: number; gone: number };
  /** What was lost, a text a cut. */
  lost: string[];
}

/** Records writers once, and cuts the power of their disk again and again. */
export async function cutPower(options: CutsOptions): Promise<CutsFindings> {
  const scratch = await mkdtemp(join(tmpdir(), 'skyminer-power-'));
  try {
    const { writers, versions } = options;
    using record = await recordWriters({ folder: join(scratch, 'recording'), writers, versions });
    return await judgeCuts(record, scratch, options);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function judgeCuts(record: DiskRecord, scratch: string, options: CutsOptions): Promise<CutsFindings> {
  const { cuts, seed, progress } = options;
  const { writers }: { writers: Readonly<Record<string, Writer>> } = await import(options.writers);
  const { events } = record;
  const count = (kind: string) => events.filter((event) => event.kind === kind).length;
  const found: CutsFindings = {
    ...{ cuts: 0, writes: count('write'), flushes: count('flush'), promises: count('mark') },
    ...{ sectors: { there: 0, gone: 0 }, lost: [] },
  };
  await using replay = await Replay.begin(record, join(scratch, 'durable'));
  const disk = join(scratch, 'disk');
  for (const cut of chooseCuts(events, cuts, seed)) {
    const { kept, sectors } = await replay.disk(cut, disk);
    found.sectors.there += sectors.there;
    found.sectors.gone += sectors.gone;
    const before = join(scratch, 'before');
    await copyFile(disk, before);
    try {
      await judgeDisk(disk, join(scratch, 'read'), writers, kept);
    } catch (error) {
      if (!(error instanceof Lost)) throw error;
      found.lost.push(await describe(error, cut, before, options));
    }
    found.cuts++;
    progress?.(`${found.cuts} of ${cuts} power cuts, ${found.lost.length} with losses`);
  }
  return found;
}

async function describe(error: Lost, cut: Cut, disk: string, { keep, seed }: CutsOptions): Promise<string> {
  await mkdir(keep, { recursive: true });
  const kept = join(keep, `${seed}-${cut.at}-${cut.seed}.img`);
  await copyFile(disk, kept);
  return `at event ${cut.at} with seed ${cut.seed} (${kept}): ${error.message}`;
}
