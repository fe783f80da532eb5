import { availableParallelism } from 'node:os';

/**
 * Boots boards, as many at a time as this machine has cores: each keeps one busy, and more would only wait for each other
 * until they are taken for hung. When one fails, the others are given up before the failure is thrown.
 *
 * @param boot boots one; its signal is aborted when another has failed
 * @returns what became of them, in their order
 */
export async function bootAll<Which, Booted>(
  all: readonly Which[],
  signal: AbortSignal,
  boot: (which: Which, signal: AbortSignal) => Promise<Booted>,
  atOnce = availableParallelism(),
): Promise<Booted[]> {
  const failure = new AbortController();
  const either = AbortSignal.any([signal, failure.signal]);
  const booted: Booted[] = [];
  const left = [...all.entries()];
  const lane = async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      either.throwIfAborted();
      const [place, which] = next;
      booted[place] = await boot(which, either).catch((error: unknown) => {
        failure.abort(error);
        throw error;
      });
    }
  };
  const lanes = Array.from({ length: atOnce }, lane);
  await Promise.allSettled(lanes);
  await Promise.all(lanes);
  return booted;
}
