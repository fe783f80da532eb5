import type { BoardSettings } from '../board-settings/settings.ts';
import type { BoardSecrets } from '../provision/provision.ts';
import type { Identity } from './card/identity.ts';

/** A card, and whose it is to be. */
export interface Target {
  card: Identity;
  /** Undefined: the common image is written as it is. */
  board: { settings: BoardSettings; secrets: BoardSecrets } | undefined;
}

/** What is being done with a card. */
export type Phase = 'check' | 'write' | 'read back' | 'finish';

export interface Progress {
  phase: Phase;
  /** Bytes, but for the check: that counts blocks of its own. */
  done: number;
  total: number;
}

/** What became of a card. */
export interface Outcome {
  target: Target;
  state: 'done' | 'failed' | 'stopped';
  /** Why it is not done. */
  problem: string | undefined;
  /** In what state the card is: it has everything; nothing was written; it does not boot; or that cannot be said. */
  left: 'whole' | 'untouched' | 'wiped' | 'unknown';
  /** Written, and as many read back. */
  bytes: number;
  seconds: Readonly<Record<Phase, number>>;
}
