import { closeSync, constants, fsyncSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import {
  COPY_OFFSETS,
  COPY_SIZE,
  encodeCopy,
  FULL_ATTEMPTS,
  NOTE_OFFSETS,
  NOTE_SIZE,
  newState,
  readCopies,
  type Slot,
  type SlotState,
} from './state.ts';

/** The partition of a board that holds its slot state. */
export const STATE_DEVICE = '/dev/disk/by-partlabel/state';

/**
 * Changes the slot state of a board: writes the older of the two copies, so that a power cut leaves the state before or
 * the one after. Needs the right to write to the partition. The note of a slot that is given all its attempts is over.
 *
 * @param change the state that is wanted, or undefined when the one that is there will do. A state of which both copies are
 *   broken is mended in any case
 */
export function changeState(
  device: string,
  change: (state: SlotState) => Omit<SlotState, 'sequence'> | undefined,
): void {
  const file = openSync(device, constants.O_RDWR | constants.O_SYNC);
  try {
    const { state, overwrite } = readCopies([readCopy(device, file, 0), readCopy(device, file, 1)]);
    const before = state ?? newState();
    const wanted = change(before) ?? (state === undefined ? before : undefined);
    if (wanted === undefined) return;
    const after = { ...wanted, sequence: before.sequence + 1 };
    writeSync(file, encodeCopy(after), 0, COPY_SIZE, COPY_OFFSETS[overwrite]);
    for (const slot of ['A', 'B'] as const)
      if (after.left[slot] === FULL_ATTEMPTS && before.left[slot] !== FULL_ATTEMPTS)
        writeSync(file, Buffer.alloc(NOTE_SIZE), 0, NOTE_SIZE, NOTE_OFFSETS[slot]);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** The slot state of a board; that of a new card when both copies are broken, which is what the boot script takes. */
export function readState(device: string): SlotState {
  const file = openSync(device, constants.O_RDONLY);
  try {
    return readCopies([readCopy(device, file, 0), readCopy(device, file, 1)]).state ?? newState();
  } finally {
    closeSync(file);
  }
}

/**
 * Notes how far a start of a slot has come: what the other slot says when it was the last one. Replaces the slot's note.
 *
 * @param note one line (services/slots/attempt.ts); what does not fit is left out
 */
export function writeNote(device: string, slot: Slot, note: string): void {
  const sector = Buffer.alloc(NOTE_SIZE);
  // The last byte stays zero, and no character is cut in two.
  sector.write(note, 0, NOTE_SIZE - 1, 'utf8');
  const file = openSync(device, constants.O_RDWR | constants.O_SYNC);
  try {
    writeSync(file, sector, 0, NOTE_SIZE, NOTE_OFFSETS[slot]);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** The note of a slot; empty when there is none. */
export function readNote(device: string, slot: Slot): string {
  const file = openSync(device, constants.O_RDONLY);
  try {
    const sector = Buffer.alloc(NOTE_SIZE);
    const count = readSync(file, sector, 0, NOTE_SIZE, NOTE_OFFSETS[slot]);
    const end = sector.indexOf(0);
    return sector.toString('utf8', 0, Math.min(count, end === -1 ? NOTE_SIZE : end));
  } finally {
    closeSync(file);
  }
}

/**
 * The slot that was started: the boot script says so on the kernel's command line.
 *
 * @throws when it does not
 */
export function startedSlot(commandLine = readFileSync('/proc/cmdline', 'utf8')): Slot {
  const slot = /(?:^|\s)skyminer\.slot=([AB])(?:\s|$)/.exec(commandLine)?.[1];
  if (slot === 'A' || slot === 'B') return slot;
  throw new Error('the kernel was not started by the boot script: its command line names no slot');
}

function readCopy(device: string, file: number, copy: 0 | 1): Buffer {
  const bytes = Buffer.alloc(COPY_SIZE);
  const count = readSync(file, bytes, 0, COPY_SIZE, COPY_OFFSETS[copy]);
  if (count !== COPY_SIZE) throw new Error(`${device} ends before byte ${COPY_OFFSETS[copy] + COPY_SIZE}`);
  return bytes;
}
