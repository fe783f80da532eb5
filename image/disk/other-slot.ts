import { FULL_ATTEMPTS, type Slot } from './state.ts';
import { changeState } from './state-device.ts';

/**
 * Has the boot script start the slot that is not running, once: it comes first and has one attempt. Unless it proves good
 * meanwhile (mark-good.ts), the start after that one is of the slot that runs now, with all its attempts.
 *
 * @returns the other slot
 */
export function startOtherOnce(device: string, running: Slot): Slot {
  const other = running === 'A' ? 'B' : 'A';
  changeState(device, () => ({
    first: other,
    left: running === 'A' ? { A: FULL_ATTEMPTS, B: 1 } : { A: 1, B: FULL_ATTEMPTS },
  }));
  return other;
}
