import { readdirSync, readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import type { KernelUsage } from './launcher.ts';

/**
 * Reads of /proc (proc(5)). A process may end between any two reads, so everything here answers "gone" with undefined
 * or leaves it out; other errors are thrown.
 */

/** Clock ticks a second: USER_HZ, 100 on every Linux port that Node runs on. */
const ticksPerSecond = 100;

export interface ProcessStat {
  pid: number;
  state: string;
  parent: number;
  group: number;
  cpuSeconds: number;
  threads: number;
}

/** @returns undefined when the process is gone. */
export async function readStat(pid: number): Promise<ProcessStat | undefined> {
  return parseStat(pid, await readIfThere(`/proc/${pid}/stat`));
}

function parseStat(pid: number, text: string | undefined): ProcessStat | undefined {
  if (text === undefined) return undefined;
  // The second field is the command in parentheses and may hold spaces and parentheses itself.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return {
    pid,
    state: fields[0] ?? '?',
    parent: Number(fields[1]),
    group: Number(fields[2]),
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond,
    threads: Number(fields[17]),
  };
}

/** Direct children of a process, zombies included. */
export async function childrenOf(pid: number): Promise<number[]> {
  const threads = await ignoreGone(readdir(`/proc/${pid}/task`));
  const lists = await Promise.all(
    (threads ?? []).map((thread) => readIfThere(`/proc/${pid}/task/${thread}/children`)),
  );
  return lists.flatMap((list) => (list ?? '').split(' ').filter(Boolean).map(Number));
}

/** The process and all its descendants that still have their parents. */
export async function treeOf(pid: number): Promise<number[]> {
  const found = [pid];
  for (const parent of found) found.push(...(await childrenOf(parent)));
  return found;
}

/**
 * Those of the processes `among` that live and are in the process group `group` or have `entry` (`NAME=value`) in the
 * environment they started with. Reads synchronously: of tiny files that takes a tenth of the time it takes otherwise.
 */
export function findMembers(group: number, entry: string, among: readonly number[]): number[] {
  return among.filter((pid) => {
    const stat = parseStat(
      pid,
      ignoreGoneSync(() => readFileSync(`/proc/${pid}/stat`, 'utf8')),
    );
    if (stat === undefined || stat.state === 'Z') return false;
    const environ = () => ignoreGoneSync(() => readFileSync(`/proc/${pid}/environ`, 'utf8'));
    return stat.group === group || environ()?.split('\0').includes(entry) === true;
  });
}

/** Every process there is. */
export function allProcesses(): number[] {
  return readdirSync('/proc').map(Number).filter(Number.isInteger);
}

/** Descendants of a process, but not the process `except` and its own. */
export function descendantsOf(ancestor: number, except: number): number[] {
  const found = [ancestor];
  for (const parent of found) found.push(...childrenOfSync(parent).filter((pid) => pid !== except));
  return found.slice(1);
}

function childrenOfSync(pid: number): number[] {
  const threads = ignoreGoneSync(() => readdirSync(`/proc/${pid}/task`)) ?? [];
  return threads.flatMap((thread) => {
    const list = ignoreGoneSync(() => readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8'));
    return (list ?? '').split(' ').filter(Boolean).map(Number);
  });
}

/** Sums what the kernel counts for these processes; those that are gone count nothing. */
export async function measure(pids: number[]): Promise<KernelUsage> {
  const total: KernelUsage = {
    ...{ cpuSeconds: 0, rss: 0, pss: 0, descriptors: 0, threads: 0, processes: 0 },
    limits: {},
  };
  for (const pid of pids) {
    const [stat, memory, descriptors] = await Promise.all([
      readStat(pid),
      readMemory(pid),
      countDescriptors(pid),
    ]);
    if (stat === undefined || stat.state === 'Z') continue;
    total.cpuSeconds += stat.cpuSeconds;
    total.threads += stat.threads;
    total.rss += memory.rss;
    total.pss += memory.pss;
    total.descriptors += descriptors;
    total.processes += 1;
  }
  return total;
}

async function readMemory(pid: number): Promise<{ rss: number; pss: number }> {
  const rollup = await readIfThere(`/proc/${pid}/smaps_rollup`);
  const text = rollup || ((await readIfThere(`/proc/${pid}/status`)) ?? '');
  const kilobytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0);
  return { rss: (kilobytes('Rss') || kilobytes('VmRSS')) * 1024, pss: kilobytes('Pss') * 1024 };
}

async function countDescriptors(pid: number): Promise<number> {
  return (await ignoreGone(readdir(`/proc/${pid}/fd`)))?.length ?? 0;
}

function readIfThere(path: string): Promise<string | undefined> {
  return ignoreGone(readFile(path, 'utf8'));
}

const goneCodes = new Set(['ENOENT', 'ESRCH', 'EACCES', 'EPERM']);

async function ignoreGone<T>(read: Promise<T>): Promise<T | undefined> {
  try {
    return await read;
  } catch (error) {
    return undefinedIfGone(error);
  }
}

function ignoreGoneSync<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    return undefinedIfGone(error);
  }
}

function undefinedIfGone(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && goneCodes.has(String(error.code))) return undefined;
  throw error;
}
