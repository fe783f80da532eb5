import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { KernelUsage } from './launcher.ts';
import { measure } from './proc.ts';

/** The control group of a unit of apps.slice (cgroup v2). */
function groupOf(unit: string): string {
  return join('/sys/fs/cgroup/apps.slice', unit);
}

/**
 * What all processes of a unit use. CPU time is the group's own count and so includes processes that have ended. PSS
 * and descriptors are 0 here: the kernel shows them of another user's processes to nobody without privileges.
 * @returns undefined when the unit has no group, which is when nothing of it runs
 */
export async function measureUnit(unit: string): Promise<KernelUsage | undefined> {
  const group = groupOf(unit);
  try {
    const pids = (await readFile(join(group, 'cgroup.procs'), 'utf8'))
      .split('\n')
      .filter(Boolean)
      .map(Number);
    const [usage, stat] = await Promise.all([measure(pids), readFile(join(group, 'cpu.stat'), 'utf8')]);
    return { ...usage, cpuSeconds: Number(/^usage_usec (\d+)$/m.exec(stat)?.[1] ?? 0) / 1_000_000 };
  } catch (error) {
    if (error instanceof Error && 'code' in error && gone.has(String(error.code))) return undefined;
    throw error;
  }
}

/** ENODEV: the group went away while it was being read. */
const gone = new Set(['ENOENT', 'ENODEV']);
