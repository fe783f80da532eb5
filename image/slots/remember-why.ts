import { whyNot } from '../../services/slots/attempt.ts';
import type { Slot } from '../../services/slots/record.ts';
import { boardPlaces, slotsStatus } from '../../services/slots/status.ts';
import { recordFailure } from './record-file.ts';

/**
 * Remembers why this start passed the other slot over, for later starts do not: what the slot said itself, or how far it
 * has come.
 */
export async function rememberWhy(slot: Slot, commandLine: string, places = boardPlaces): Promise<void> {
  const why = /(?:^|\s)skyminer\.why=(\S+)/.exec(commandLine)?.[1];
  const { passed, failure, other } = await slotsStatus(slot, why, places);
  // A slot that cannot be loaded is passed over at every start.
  const isKnown =
    failure?.slot === other.slot &&
    (whyNot(other.slot, why) === 'used-up' ? !failure.over : failure.reason === passed);
  if (passed !== undefined && !isKnown) await recordFailure(other.slot, passed, { file: places.record });
}
