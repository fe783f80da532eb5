import { formatUptime } from '../control/greeting.ts';
import type { AppExit } from '../supervisor/exits.ts';
import type { Launch } from '../supervisor/launch.ts';
import { thisMoment, timeOf } from '../supervisor/moment.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';

/** One launch as a program reads it; `exits` are those of its app, whichever launches they were, oldest first. */
export function describe(launch: Launch, supervisor: Supervisor) {
  const { id, app, args, state, pid, restarts, failures, crashLoops } = launch;
  const { startedAt, lastExit, nextRetry, statusText, metrics } = launch;
  return {
    ...{ id, app: app.name, path: app.path, args, state, pid, restarts, failures, crashLoops, startedAt },
    lastExit: lastExit && describeExit(lastExit),
    ...{ nextRetry, statusText, metrics },
    exits: supervisor.historyOf(app.name).exits.map(describeExit),
  };
}

/** One exit as a program reads it; `time` is in milliseconds since 1970. */
export function describeExit({ moment, ...exit }: AppExit) {
  return { ...exit, time: timeOf(moment) };
}

/** `exited with code 0`, `was ended by SIGKILL`, … */
export function endOf(status: {
  code: number | null;
  signal: string | null;
  cause: string;
  message?: string;
}): string {
  if (status.cause === 'oom') return 'was killed at its memory limit';
  if (status.cause === 'start-failed') return `could not start: ${status.message ?? 'no reason known'}`;
  if (status.signal !== null) return `was ended by ${status.signal}`;
  if (status.code !== null) return `exited with code ${status.code}`;
  return `ended (${status.message ?? status.cause})`;
}

/** Why and how: what viscript ended it for, else how it ended by itself. */
export function whyEnded(exit: AppExit): string {
  if (exit.kind === 'stopped') return `was stopped: ${endOf(exit)}`;
  return exit.reason ?? endOf(exit);
}

/** `exited with code 7 (5m 6s ago)` */
export function lastExitText(exit: AppExit): string {
  return `${whyEnded(exit)} (${formatUptime((thisMoment() - exit.moment) / 1000)} ago)`;
}

/** Milliseconds since 1970 as `2026-11-26 08:14:23.123`, in UTC. */
export function timestamp(time: number): string {
  return new Date(time).toISOString().slice(0, 23).replace('T', ' ');
}
