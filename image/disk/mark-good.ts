import { FULL_ATTEMPTS, type Slot } from './state.ts';
import { changeState, STATE_DEVICE, startedSlot } from './state-device.ts';

/**
 * `mark-good.js [DEVICE]`: gives the slot that was started its attempts back. Run on the board as root once the system
 * has shown that it works. It writes nothing when there is nothing to say.
 */
process.stdout.write(`${markGood(process.argv[2] ?? STATE_DEVICE, startedSlot())}\n`);

function markGood(device: string, slot: Slot): string {
  let said = `slot ${slot} has all its attempts`;
  changeState(device, (state) => {
    if (state.left[slot] === FULL_ATTEMPTS) return undefined;
    said = `slot ${slot} works: it has ${FULL_ATTEMPTS} attempts again`;
    return { ...state, left: { ...state.left, [slot]: FULL_ATTEMPTS } };
  });
  return said;
}
