import { readdirSync, readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { AppUsage } from './messages.ts';

/** How often the event loop is looked at, in milliseconds: 20 wake-ups a second cost a slow board nothing. */
const resolutionMs = 50;

const nanosecondsPerMs = 1e6;

/** Measures this very process from now on. */
export class UsageMeter {
  readonly #delay = monitorEventLoopDelay({ resolution: resolutionMs });

  constructor() {
    this.#delay.enable();
  }

  /** What is used now; the delays are those since the last reading. */
  read(): AppUsage {
    const { heapUsed, heapTotal, external } = process.memoryUsage();
    const eventLoopDelay = {
      p50: beyondResolution(this.#delay.percentile(50)),
      p99: beyondResolution(this.#delay.percentile(99)),
      max: beyondResolution(this.#delay.max),
    };
    this.#delay.reset();
    return { heapUsed, heapTotal, external, eventLoopDelay, uptime: process.uptime(), ...ownProcess() };
  }

  stop(): void {
    this.#delay.disable();
  }
}

/** What the kernel shows of a process to nobody but itself, where each app has a uid of its own. */
function ownProcess(): { pss: number; descriptors: number } {
  const rollup = readFileSync('/proc/self/smaps_rollup', 'utf8');
  const kilobytes = Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? 0);
  return { pss: kilobytes * 1024, descriptors: readdirSync('/proc/self/fd').length };
}

/** The histogram holds the time from one look to the next, which is the resolution when nothing is late. */
function beyondResolution(nanoseconds: number): number {
  return Math.max(0, nanoseconds / nanosecondsPerMs - resolutionMs);
}
