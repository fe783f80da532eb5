import { readStat, treeOf } from './proc.ts';

/** Rounds of looking and killing before processes are called unkillable. */
const maxRounds = 400;
const pauseMs = 5;

/**
 * Kills every descendant of the process `ancestor`, those that are born meanwhile included; `except` is left alone.
 * The kernel tells only the parent that a process is gone, so this looks again, a bounded number of times.
 * @returns pids that survive SIGKILL (stuck in the kernel)
 */
export async function killDescendants(ancestor: number, except?: number): Promise<number[]> {
  const living = async () => {
    const others = (await treeOf(ancestor)).filter((pid) => pid !== ancestor && pid !== except);
    const stats = await Promise.all(others.map(readStat));
    return stats.flatMap((stat) => (stat === undefined || stat.state === 'Z' ? [] : [stat.pid]));
  };
  let left = await living();
  for (let round = 0; left.length > 0 && round < maxRounds; round++) {
    for (const pid of left) killIfThere(pid, 'SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    left = await living();
  }
  return left;
}

/** Signals a process, or with a negative number a process group; one that is gone is no error. */
export function killIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
