import { readStat, treeOf } from './proc.ts';

/**
 * `guard-cleanup.js PID`: kills every descendant of the guard PID but itself, and ends when none is left.
 * The kernel tells only the parent of a process that it is gone; so it looks again, a bounded number of times.
 */
const guard = Number(process.argv[2]);
const rounds = 400;
const pauseMs = 5;

let left = await descendants();
for (let round = 0; left.length > 0 && round < rounds; round++) {
  for (const pid of left) killIfThere(pid);
  await new Promise((resolve) => setTimeout(resolve, pauseMs));
  left = await descendants();
}
if (left.length > 0) {
  process.stderr.write(`viscript: these processes cannot be killed: ${left.join(' ')}\n`);
  process.exitCode = 1;
}

async function descendants(): Promise<number[]> {
  const others = (await treeOf(guard)).filter((pid) => pid !== guard && pid !== process.pid);
  const stats = await Promise.all(others.map(readStat));
  return stats.flatMap((stat) => (stat === undefined || stat.state === 'Z' ? [] : [stat.pid]));
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
