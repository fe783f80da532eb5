import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bootAfterCut } from './boot.ts';
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
  /** Boots so many boards, each with what a cut has left as its `data`; the first writer is then our journal. */
  boots?: { count: number; image: string; uBoot: string };
  progress?: (text: string) => void;
}

/** What power cuts did. */
export interface CutsFindings {
  cuts: number;
  /** Boards that were booted after one. */
  boots: number;
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
  const { cuts, seed, boots, progress } = options;
  const { writers }: { writers: Readonly<Record<string, Writer>> } = await import(options.writers);
  const { events } = record;
  const count = (kind: string) => events.filter((event) => event.kind === kind).length;
  const found: CutsFindings = {
    ...{ cuts: 0, boots: 0, writes: count('write'), flushes: count('flush'), promises: count('mark') },
    ...{ sectors: { there: 0, gone: 0 }, lost: [] },
  };
  await using replay = await Replay.begin(record, join(scratch, 'durable'));
  for (const cut of chooseCuts(events, cuts, seed)) {
    const left = join(scratch, 'left');
    const { kept, sectors } = await replay.disk(cut, left);
    found.sectors.there += sectors.there;
    found.sectors.gone += sectors.gone;
    found.cuts++;
    try {
      const disk = join(scratch, 'disk');
      await copyFile(left, disk);
      await judgeDisk(disk, join(scratch, 'read'), writers, kept);
      if (boots !== undefined && found.cuts % Math.floor(cuts / boots.count) === 0) {
        await bootAfterCut({ ...boots, disk: left, folder: scratch, lines: kept.get('journal') ?? 0 });
        found.boots++;
      }
    } catch (error) {
      if (!(error instanceof Lost)) throw error;
      found.lost.push(await describe(error, cut, left, options));
    }
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
