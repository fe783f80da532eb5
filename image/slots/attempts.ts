import { FULL_ATTEMPTS, type Slot } from '../disk/state.ts';
import { changeState } from '../disk/state-device.ts';

/** A slot works: it has all its attempts again. Writes nothing when it has. */
export function giveAllBack(device: string, slot: Slot): void {
  changeState(device, (state) =>
    state.left[slot] === FULL_ATTEMPTS ? undefined : withLeft(state, slot, FULL_ATTEMPTS),
  );
}

/** The attempt that was counted for this start was no failure. */
export function giveOneBack(device: string, slot: Slot): void {
  changeState(device, (state) =>
    state.left[slot] >= FULL_ATTEMPTS ? undefined : withLeft(state, slot, state.left[slot] + 1),
  );
}

function withLeft<State extends { left: Record<Slot, number> }>(
  state: State,
  slot: Slot,
  left: number,
): State {
  return { ...state, left: { ...state.left, [slot]: left } };
}
