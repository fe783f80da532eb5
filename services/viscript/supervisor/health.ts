import type { Launch } from './launch.ts';

/** What is done for apps whose entry has no `healthcheck`; milliseconds. */
const standard = { intervalMs: 10_000, timeoutMs: 5000, retries: 3 };

/** Pings a signal app as long as its process lives; too many missed pings in a row count as a failure. */
export function watchHealth(launch: Launch, over: AbortSignal): void {
  const { intervalMs, timeoutMs, retries } = launch.app.healthcheck ?? standard;
  let missed = 0;
  let asking = false;
  const timer = setInterval(async () => {
    const { session } = launch;
    if (session === undefined || asking || launch.state !== 'ready') return;
    asking = true;
    const answered = await answersWithin(session.ping(), timeoutMs);
    asking = false;
    if (over.aborted) return;
    missed = answered ? 0 : missed + 1;
    if (missed >= retries) await launch.fail(`hung: ${missed} pings in a row were not answered`);
  }, intervalMs);
  over.addEventListener('abort', () => clearInterval(timer), { once: true });
}

function answersWithin(ping: Promise<number>, milliseconds: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), milliseconds);
    ping
      .then(
        () => resolve(true),
        () => resolve(false),
      )
      .finally(() => clearTimeout(timer));
  });
}
