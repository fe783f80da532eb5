import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LimitsConfig } from '../config/schema.ts';
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
    const [usage, stat, limits] = await Promise.all([
      measure(pids),
      readFile(join(group, 'cpu.stat'), 'utf8'),
      limitsOf(group),
    ]);
    const cpuSeconds = Number(/^usage_usec (\d+)$/m.exec(stat)?.[1] ?? 0) / 1_000_000;
    return { ...usage, cpuSeconds, limits };
  } catch (error) {
    if (error instanceof Error && 'code' in error && gone.has(String(error.code))) return undefined;
    throw error;
  }
}

/**
 * The limits in force, from the files of cgroup v2: a number or `max`, and for the processor the microseconds that may
 * be used in a period of microseconds.
 */
export function parseLimits(files: { memoryMax: string; pidsMax: string; cpuMax: string }): LimitsConfig {
  const [memory, pids, quota] = [files.memoryMax, files.pidsMax, files.cpuMax].map((text) => {
    const [amount = '', per = '1'] = text.trim().split(' ');
    return /^\d+$/.test(amount) ? Number(amount) / Number(per) : undefined;
  });
  return {
    ...(memory === undefined ? {} : { memory }),
    ...(quota === undefined ? {} : { cpus: quota }),
    ...(pids === undefined ? {} : { pids }),
  };
}

async function limitsOf(group: string): Promise<LimitsConfig> {
  const names = ['memory.max', 'pids.max', 'cpu.max'];
  const [memoryMax = '', pidsMax = '', cpuMax = ''] = await Promise.all(
    names.map((name) => readControl(join(group, name))),
  );
  return parseLimits({ memoryMax, pidsMax, cpuMax });
}

/** The file of a controller that nobody asked for is not there, and limits nothing. */
async function readControl(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  }
}

/** ENODEV: the group went away while it was being read. */
const gone = new Set(['ENOENT', 'ENODEV']);
