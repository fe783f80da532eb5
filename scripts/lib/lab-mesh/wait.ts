import { setTimeout as delay } from 'node:timers/promises';

/** What was waited for did not come about: something hangs, for no working machine is so slow. */
export class NeverHappened extends Error {
  override readonly name = 'NeverHappened';
}

/** Milliseconds after which whatever is awaited counts as hanging. */
export const deadlineMs = 60_000;
const lookEveryMs = 50;

/**
 * Looks again and again until there is something.
 *
 * @param what for the error: `expected …`
 * @param look returns undefined while it is not there; what it throws counts as that, and is the error's cause
 * @throws {NeverHappened}
 */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined> | T | undefined,
  withinMs = deadlineMs,
): Promise<T> {
  const end = performance.now() + withinMs;
  for (;;) {
    let cause: unknown;
    try {
      const found = await look();
      if (found !== undefined) return found;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > end)
      throw new NeverHappened(`expected ${what} within ${withinMs / 1000} s`, { cause });
    await delay(lookEveryMs);
  }
}
