import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { readRecord, SLOT_RECORD } from '../../services/slots/record.ts';
import { imageVersion } from '../../services/slots/status.ts';
import { FULL_ATTEMPTS, type Slot } from '../disk/state.ts';
import { changeState, readState, STATE_DEVICE, startedSlot } from '../disk/state-device.ts';
import { recordInstalled, recordRollback } from '../slots/record-file.ts';

/**
 * `rauc-backend.js REQUEST [SLOT] [good|bad]`: the boot loader's side of RAUC (chapter "Custom Bootloader Backend
 * Interface" of its manual) on the slot state. A slot is good as long as it has attempts left.
 */
const [request = '', name = '', wanted = ''] = process.argv.slice(2);
const answer = await answerOf(request);
if (answer !== undefined) process.stdout.write(`${answer}\n`);

async function answerOf(what: string): Promise<string | undefined> {
  switch (what) {
    case 'get-primary':
      return readState(STATE_DEVICE).first;
    case 'get-current':
      return startedSlot();
    case 'get-state':
      return readState(STATE_DEVICE).left[slotOf(name)] > 0 ? 'good' : 'bad';
    case 'set-primary':
      return setPrimary(slotOf(name));
    case 'set-state':
      return setAttempts(slotOf(name), attemptsOf(wanted));
    default:
      throw new Error(`rauc-backend: there is no request '${what}'`);
  }
}

/** The next start is of this slot, and it has all its attempts. */
async function setPrimary(slot: Slot): Promise<undefined> {
  await remember(slot);
  changeState(STATE_DEVICE, ({ left }) => ({ first: slot, left: { ...left, [slot]: FULL_ATTEMPTS } }));
}

/** A slot that is being written has no attempts, so that it is not started half, and what was known of it is over. */
async function setAttempts(slot: Slot, attempts: number): Promise<undefined> {
  if (attempts === 0) await recordInstalled(slot, undefined);
  changeState(STATE_DEVICE, (state) => ({ ...state, left: { ...state.left, [slot]: attempts } }));
}

/** A slot of which nothing is known, and which must not be started, has just been written. */
async function remember(slot: Slot): Promise<void> {
  const isKnown = (await readRecord(SLOT_RECORD))?.slots[slot] !== undefined;
  const running = startedSlot();
  if (!isKnown && readState(STATE_DEVICE).left[slot] === 0)
    await recordInstalled(slot, await versionIn(slot));
  else if (slot !== running) await recordRollback(running);
}

/** What the image in a slot says of itself. */
async function versionIn(slot: Slot): Promise<string | undefined> {
  const folder = mkdtempSync('/run/rauc/slot-');
  try {
    execFileSync('mount', ['-o', 'ro,nosuid,nodev,noexec', `/dev/disk/by-partlabel/root${slot}`, folder]);
    try {
      return await imageVersion(`${folder}/usr/lib/os-release`);
    } finally {
      execFileSync('umount', [folder]);
    }
  } finally {
    rmdirSync(folder);
  }
}

function attemptsOf(state: string): number {
  if (state === 'good') return FULL_ATTEMPTS;
  if (state === 'bad') return 0;
  throw new Error(`rauc-backend: a slot is good or bad, not '${state}'`);
}

function slotOf(slot: string): Slot {
  if (slot === 'A' || slot === 'B') return slot;
  throw new Error(`rauc-backend: there is no slot '${slot}'`);
}
