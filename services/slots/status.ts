import { readFile } from 'node:fs/promises';
import { reasonToPass } from './attempt.ts';
import { isVersion, readRecord, SLOT_RECORD, type Slot, type SlotFailure } from './record.ts';

/** How it stands with the slots of a board. */
export interface SlotsStatus {
  /** The slot that runs. */
  slot: Slot;
  /** Of its image; undefined where the image does not say. */
  version: string | undefined;
  state: SlotTrust;
  other: { slot: Slot; version: string | undefined; state: SlotTrust | 'unknown' };
  /** Why the other slot was passed over at this start, in a sentence; undefined when it was not its turn. */
  passed: string | undefined;
  failure: SlotFailure | undefined;
}

/** A version has proved good in a slot, or it has not yet. */
export type SlotTrust = 'trial' | 'confirmed';

export interface SlotsPlaces {
  record: string;
  osRelease: string;
  /** Folder in which the initramfs leaves `attempt-A` or `attempt-B`: the note of the slot that was passed over. */
  notes: string;
}

export const boardPlaces: SlotsPlaces = {
  record: SLOT_RECORD,
  osRelease: '/etc/os-release',
  notes: '/run/skyminer',
};

/**
 * @param slot the one that runs
 * @param why `skyminer.why` of the kernel's command line
 * @throws {Error} something of it cannot be read
 */
export async function slotsStatus(
  slot: Slot,
  why: string | undefined,
  { record: file, osRelease, notes }: SlotsPlaces = boardPlaces,
): Promise<SlotsStatus> {
  const otherSlot = slot === 'A' ? 'B' : 'A';
  const [record, version, note] = await Promise.all([
    readRecord(file),
    imageVersion(osRelease),
    textOf(`${notes}/attempt-${otherSlot}`),
  ]);
  const own = record?.slots[slot];
  const other = record?.slots[otherSlot];
  const isConfirmed = own?.confirmed !== undefined && own.version === version;
  return {
    ...{ slot, version, state: isConfirmed ? 'confirmed' : 'trial' },
    other: {
      slot: otherSlot,
      version: other?.version,
      state: other === undefined ? 'unknown' : other.confirmed === undefined ? 'trial' : 'confirmed',
    },
    passed: reasonToPass(otherSlot, why, record, note),
    failure: record?.failure,
  };
}

/** IMAGE_VERSION of an os-release(5); undefined where it has none. */
export async function imageVersion(osRelease = boardPlaces.osRelease): Promise<string | undefined> {
  const found = /^IMAGE_VERSION="?([^"\n]*)"?$/m.exec(await textOf(osRelease))?.[1];
  return found !== undefined && isVersion(found) ? found : undefined;
}

/** Empty where there is no such file. */
async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  }
}
