import { readFile, writeFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { cpuSeconds } from '../../../scripts/measure/process.ts';

/** The kernel counts in hundredths. */
const GRAIN = 0.02;

it('tells how much processor time a process has had', async () => {
  const name = await readFile('/proc/self/comm', 'utf8');
  // A name that looks like the fields after it.
  await writeFile('/proc/self/comm', ') R 1 (1');
  try {
    const before = secondsOf(process.cpuUsage());
    const seconds = await cpuSeconds(process.pid);
    const after = secondsOf(process.cpuUsage());
    expect(seconds).toBeGreaterThanOrEqual(before - GRAIN);
    expect(seconds).toBeLessThanOrEqual(after + GRAIN);
  } finally {
    await writeFile('/proc/self/comm', name.trimEnd());
  }
});

function secondsOf({ user, system }: NodeJS.CpuUsage): number {
  return (user + system) / 1e6;
}
