import { closeSync, constants, fsyncSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import {
  COPY_OFFSETS,
  COPY_SIZE,
  encodeCopy,
  FULL_ATTEMPTS,
  newState,
  readCopies,
  type Slot,
} from './state.ts';

/**
 * `mark-good.js [DEVICE]`: gives the slot that was started its attempts back. Run on the board as root once the system
 * has shown that it works. It writes the older of the two copies, and nothing when there is nothing to say.
 */
const device = process.argv[2] ?? '/dev/disk/by-partlabel/state';
process.stdout.write(`${markGood(device, startedSlot())}\n`);

function markGood(path: string, slot: Slot): string {
  const file = openSync(path, constants.O_RDWR | constants.O_SYNC);
  try {
    const { state, overwrite } = readCopies([readCopy(file, 0), readCopy(file, 1)]);
    if (state?.left[slot] === FULL_ATTEMPTS) return `slot ${slot} has all its attempts`;
    const before = state ?? newState();
    const after = {
      ...before,
      sequence: before.sequence + 1,
      left: { ...before.left, [slot]: FULL_ATTEMPTS },
    };
    writeSync(file, encodeCopy(after), 0, COPY_SIZE, COPY_OFFSETS[overwrite]);
    fsyncSync(file);
    return `slot ${slot} works: it has ${FULL_ATTEMPTS} attempts again`;
  } finally {
    closeSync(file);
  }
}

function readCopy(file: number, copy: 0 | 1): Buffer {
  const bytes = Buffer.alloc(COPY_SIZE);
  const count = readSync(file, bytes, 0, COPY_SIZE, COPY_OFFSETS[copy]);
  if (count !== COPY_SIZE) throw new Error(`${device} ends before byte ${COPY_OFFSETS[copy] + COPY_SIZE}`);
  return bytes;
}

/** The boot script says on the kernel's command line which slot it took. */
function startedSlot(): Slot {
  const slot = /(?:^|\s)skyminer\.slot=([AB])(?:\s|$)/.exec(readFileSync('/proc/cmdline', 'utf8'))?.[1];
  if (slot === 'A' || slot === 'B') return slot;
  throw new Error('the kernel was not started by the boot script: its command line names no slot');
}
