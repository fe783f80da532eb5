import { uptime } from 'node:os';

/**
 * Milliseconds since the machine started, the time it slept included. No setting of the clock changes it, and a
 * supervisor that takes over goes on with it; so whatever has to be compared or measured is kept as such a moment.
 */
export function thisMoment(): number {
  return uptime() * 1000;
}

/**
 * A moment as calendar time, milliseconds since 1970: by the clock as it is now, so that what happened before the
 * clock was set to the right time is told rightly afterwards.
 */
export function timeOf(moment: number): number {
  return Math.round(Date.now() - (thisMoment() - moment));
}
