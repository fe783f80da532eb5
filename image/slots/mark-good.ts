import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { STATE_DEVICE, startedSlot } from '../disk/state-device.ts';
import { giveAllBack, giveOneBack } from './attempts.ts';
import { rememberWhy } from './remember-why.ts';
import { MARKS, mark } from './trial.ts';

/**
 * `mark-good.js up`: viscript is up in a slot that has proved good before, so the slot has all its attempts again.
 * `mark-good.js leave`: the board is being restarted or switched off in good order, so the attempt that was counted for
 * this start was no failure. Both run on the board, as root.
 */
const FOLDER = '/run/skyminer';
const commandLine = readFileSync('/proc/cmdline', 'utf8');
const slot = startedSlot(commandLine);

if (process.argv[2] === 'leave') giveOneBack(STATE_DEVICE, slot);
else {
  giveAllBack(STATE_DEVICE, slot);
  await mark(join(FOLDER, MARKS.good), true);
  await rememberWhy(slot, commandLine);
}
