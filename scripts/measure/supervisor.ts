import type { Command } from './process.ts';

/** A supervisor under test: one daemon with ten idle apps, and an eleventh that is started, killed and stopped. */
export interface SupervisorUnderTest {
  readonly name: string;
  /** Starts the daemon and its idle apps, and resolves when all of them run. */
  start(): Promise<void>;
  /** Processes of the daemon itself, apps left out. */
  daemonPids(): Promise<number[]>;
  /** Lists the apps, for a person. */
  readonly list: Command;
  /** Starts the app {@link PROBE}, which is stopped. */
  readonly startProbe: Command;
  stopProbe(): Promise<void>;
  /** Ends the daemon and its apps. */
  close(): Promise<void>;
}

export const IDLE_APPS = Array.from({ length: 10 }, (_, index) => `idle${index}`);
export const PROBE = 'probe';
