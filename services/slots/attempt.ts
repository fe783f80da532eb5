import type { Slot, SlotRecord } from './record.ts';

/**
 * How far the last start of a slot has come, as its initramfs notes it in the partition `state` and that of the other
 * slot reads it (image/disk/init): `LEFT STAGE WORDS`. LEFT is how many attempts were left then, in hexadecimal; STAGE
 * is `initramfs`, `systemd`, or `failed` with a sentence.
 */
const NOTE = /^([0-9a-f]{1,8}) (initramfs|systemd|failed)(?: (.*))?$/m;

/** Why slots were passed over, as the boot script tells it: `B-used-up`, `A-not-loaded`, … */
export function whyNot(slot: Slot, why: string | undefined): 'used-up' | 'not-loaded' | undefined {
  const reasons = why?.split(',') ?? [];
  if (reasons.includes(`${slot}-used-up`)) return 'used-up';
  return reasons.includes(`${slot}-not-loaded`) ? 'not-loaded' : undefined;
}

/**
 * Why a slot was passed over at this start, in a sentence.
 *
 * @param why `skyminer.why` of the kernel's command line
 * @param record what is remembered; undefined where it is lost
 * @param note how far the slot's last start has come; empty where nobody knows
 * @returns undefined when it was not passed over
 */
export function reasonToPass(
  slot: Slot,
  why: string | undefined,
  record: SlotRecord | undefined,
  note: string,
): string | undefined {
  switch (whyNot(slot, why)) {
    case undefined:
      return undefined;
    case 'not-loaded':
      return 'its kernel, initramfs or device tree could not be loaded';
    case 'used-up': {
      const failure = record?.failure;
      return failure?.slot === slot && !failure.over ? failure.reason : reasonOfNote(note);
    }
  }
}

/** Why a slot has no attempts left that said nothing more than this. */
export function reasonOfNote(note: string): string {
  const [, left, stage, words = ''] = NOTE.exec(note) ?? [];
  if (stage === undefined) return 'its kernel did not start, or not as far as its initramfs';
  const noted = stage === 'failed' && words !== '' ? words : STAGES[stage as keyof typeof STAGES];
  const silent = Number.parseInt(left ?? '', 16);
  if (silent === 0) return noted;
  return `its kernel did not start in ${silent === 1 ? 'the last attempt' : `the last ${silent} attempts`}; before that ${noted}`;
}

const STAGES = {
  initramfs: 'its kernel started, and its initramfs did not come to an end',
  systemd: 'its system started, and ended, hung or was cut off before it was seen to be in order',
  failed: 'it failed, and could not say why',
} as const;
