import type { SlotsStatus } from '../../slots/status.ts';

/** What a person reads of the slots: which versions are in them, and why one was passed over, or failed last. */
export function slotsText({ slot, version, state, other, passed, failure }: SlotsStatus): string {
  const lines = [
    `slots: ${slot} runs ${version ?? 'an unknown version'}, ${stateText[state]}; ${other.slot} has ${other.version ?? 'an unknown version'}${other.version === undefined ? '' : `, ${stateText[other.state]}`}`,
  ];
  if (passed !== undefined) lines.push(`slot ${other.slot} was passed over: ${passed}`);
  if (failure !== undefined) {
    const of = failure.version === undefined ? '' : ` (${failure.version})`;
    lines.push(
      `last failure of a slot: ${failure.slot}${of} at ${failure.time.slice(0, 19).replace('T', ' ')}: ${failure.reason}`,
    );
  }
  return `${lines.join('\n')}\n`;
}

const stateText = { trial: 'on trial', confirmed: 'confirmed', unknown: 'unknown' } as const;
