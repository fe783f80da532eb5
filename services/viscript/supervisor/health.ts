import type { Launch } from './launch.ts';
import { startTimer } from './timer.ts';

/** What is done for apps whose entry has no `healthcheck`; milliseconds. */
const standard = { intervalMs: 10_000, timeoutMs: 5000, retries: 3 };

/**
 * Pings a signal app as long as its process lives; too many missed pings in a row count as a failure. One that has
 * registered and has lost its connection misses them too: a client comes back within seconds unless it hangs.
 */
export function watchHealth(launch: Launch, over: AbortSignal): void {
  const { intervalMs, timeoutMs, retries } = launch.app.healthcheck ?? standard;
  let missed = 0;
  let asking = false;
  let registered = false;
  const timer = setInterval(async () => {
    const { session } = launch;
    registered ||= session !== undefined;
    if (!registered || asking || launch.state !== 'ready') return;
    asking = true;
    const answered = session !== undefined && (await answersWithin(session.ping(), timeoutMs));
    asking = false;
    if (over.aborted) return;
    missed = answered ? 0 : missed + 1;
    if (missed >= retries) await launch.fail('hung', `hung: ${missed} pings in a row were not answered`);
  }, intervalMs);
  over.addEventListener('abort', () => clearInterval(timer), { once: true });
}

function answersWithin(ping: Promise<number>, milliseconds: number): Promise<boolean> {
  return new Promise((resolve) => {
    const stop = startTimer(milliseconds, () => resolve(false));
    ping
      .then(
        () => resolve(true),
        () => resolve(false),
      )
      .finally(stop);
  });
}
