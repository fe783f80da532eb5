import { join } from 'node:path';
import type { Slot } from '../../../image/disk/state.ts';
import { type Cut, chooseCuts, keepOf, Passage, Replay } from '../power/cut.ts';
import type { DiskEvent, DiskRecord } from '../power/disk-record.ts';
import { Lost } from '../power/writer.ts';
import { SlotWatch } from './slot-watch.ts';

export interface UpdateCutsOptions {
  /** What happened to the disk of a board whose slot B was updated, with the mark of writer `update` at its end. */
  record: DiskRecord;
  /** Image of the disk whose slot B is as the update shall leave it. */
  after: string;
  cuts: number;
  seed: number;
  /** Boots some boards with what a cut has left. */
  boots?: {
    count: number;
    /** @throws {Lost} the board does not run from this slot */
    boot: (disk: string, slot: Slot) => Promise<void>;
    /** Folder for a disk that is booted, and what it is made of; the caller removes it. */
    folder: string;
  };
  progress?: (text: string) => void;
}

/** What power cuts did to an update. */
export interface UpdateFindings {
  cuts: number;
  boots: number;
  /** How many cuts have left the slot that was written in which way. */
  holds: Record<'old' | 'new' | 'torn', number>;
  /** How many have left which slot to start. */
  starts: Record<Slot, number>;
  /** What was wrong, a text a cut. */
  lost: string[];
}

/** Name of the mark at the end of an update: from here on the new version starts. */
export const UPDATED = 'update';

/** Cuts the power of a recorded update again and again, and judges what starts then. */
export async function cutUpdate(options: UpdateCutsOptions): Promise<UpdateFindings> {
  const { record, after, cuts, seed, boots, progress } = options;
  using watch = await SlotWatch.open(record.base, after);
  if (watch.toChange === 0) throw new Error('the update writes what is there already: nothing would show');
  const passage = new Passage(record.events, async (writes) => watch.write(writes));
  const found: UpdateFindings = {
    ...{ cuts: 0, boots: 0, holds: { old: 0, new: 0, torn: 0 }, starts: { A: 0, B: 0 }, lost: [] },
  };
  const toBoot: { cut: Cut; slot: Slot }[] = [];
  for (const cut of choose(record.events, watch, cuts, seed)) {
    found.cuts++;
    try {
      await passage.to(cut.at);
      const writes = passage.unflushed;
      const { holds, starts } = watch.judge(writes, keepOf(writes, cut.seed));
      if ((passage.kept.get(UPDATED) ?? 0) > 0 && (holds !== 'new' || starts !== 'B'))
        throw new Lost(`the update was over, and slot ${starts} starts; slot B is ${holds}`);
      found.holds[holds]++;
      found.starts[starts]++;
      if (boots !== undefined && found.cuts % Math.floor(cuts / boots.count) === 0)
        toBoot.push({ cut, slot: starts });
    } catch (error) {
      if (!(error instanceof Lost)) throw error;
      found.lost.push(`at event ${cut.at} with seed ${cut.seed}: ${error.message}`);
    }
    progress?.(`${found.cuts} of ${cuts} power cuts, ${found.lost.length} with losses`);
  }
  await bootAll(toBoot, options, found);
  return found;
}

/** A fifth falls anywhere between the board's start and the end; the others while the slot is written, and after that. */
function choose(events: readonly DiskEvent[], watch: SlotWatch, count: number, seed: number): Cut[] {
  const begin = events.findIndex((event) => event.kind === 'write' && watch.isInto(event));
  const first = Math.max(0, begin);
  const some = Math.floor(count / 5);
  const during = chooseCuts(events.slice(first), count - some, seed).map((cut) => ({
    ...cut,
    at: cut.at + first,
  }));
  return [...chooseCuts(events, some, seed), ...during].sort((one, other) => one.at - other.at);
}

async function bootAll(
  toBoot: readonly { cut: Cut; slot: Slot }[],
  { record, boots, progress }: UpdateCutsOptions,
  found: UpdateFindings,
): Promise<void> {
  if (boots === undefined) return;
  const scratch = join(boots.folder, 'disk');
  await using replay = await Replay.begin(record, join(boots.folder, 'durable'));
  for (const { cut, slot } of toBoot) {
    await replay.disk(cut, scratch);
    try {
      await boots.boot(scratch, slot);
      found.boots++;
    } catch (error) {
      if (!(error instanceof Lost)) throw error;
      found.lost.push(`booted after event ${cut.at} with seed ${cut.seed}: ${error.message}`);
    }
    progress?.(`${found.boots} of ${toBoot.length} boards booted`);
  }
}
