import { readdir, readFile } from 'node:fs/promises';

/** From this share of the limit on, the next burst may be one too many. */
const nearlyAll = 0.9;

/** Whether this very process is about to run out of file descriptors, or has. Never rejects. */
export async function descriptorTroubles(): Promise<string[]> {
  try {
    const limit = softLimit(await readFile('/proc/self/limits', 'utf8'));
    const { length } = await readdir('/proc/self/fd');
    return length < limit * nearlyAll
      ? []
      : [`viscript has ${length} files and connections open, of ${limit}`];
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EMFILE') {
      return ['viscript has as many files and connections open as it may have'];
    }
    return [`the files that viscript has open cannot be counted: ${String(error)}`];
  }
}

/** The soft limit in the text of /proc/PID/limits (proc_pid_limits(5)). */
function softLimit(limits: string): number {
  return Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY);
}
