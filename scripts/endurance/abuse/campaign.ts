import { randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MeasureError, residentBytes } from '../../measure/process.ts';
import { AbusedHost } from './host.ts';
import { type Counts, killSupervisor, type Mishap, mishaps } from './mishaps.ts';
import { Witness } from './witness.ts';

/** What befell viscript and its apps in all runs so far, and what was lost by it. */
export interface AbuseTotals extends Counts {
  /** Day of the last one: 2026-01-31. */
  day: string;
  minutes: number;
  /** Of viscript itself, by SIGKILL. */
  kills: number;
  /** That apps answered which had no part in it. */
  pings: number;
  /** Milliseconds of the slowest of these. */
  slowest: number;
  /** Most resident bytes of the supervisor. */
  resident: number;
  /** What was lost, a text each. */
  lost: string[];
}

export interface AbuseOptions {
  /** Folder that `scripts/build.ts` made. */
  bundle: string;
  minutes: number;
  before: AbuseTotals | undefined;
  /** Keeps the totals, now and then and in the end. */
  save: (totals: AbuseTotals) => Promise<void>;
  progress: (text: string) => void;
  signal: AbortSignal;
}

/** So many mishaps befall the apps, each kind as often, before viscript itself is killed. */
const MISHAPS_BETWEEN_KILLS = 60;
const file = (name: string) => join(import.meta.dirname, name);
const quick = { interval: '100ms', timeout: '2s', retries: 2, start_period: '30s' };
const apps = {
  witness: { path: file('app.ts'), default_args: ['count'], daemon: true, autostart: true },
  victim: { path: file('app.ts'), daemon: true, restart: 'always', healthcheck: quick },
  mortal: { path: file('app.ts'), restart: 'no' },
  flood: { path: file('flood.ts'), restart: 'no', daemon: true },
  parent: {
    ...{ path: 'sh', restart: 'no', daemon: true },
    default_args: ['-c', 'setsid sh -c "trap \\"\\" TERM HUP; sleep 1000 & wait" & sleep 0.2'],
  },
};

/**
 * Has apps crash, hang, flood and leave orphans, knocks at viscript's doors, and kills viscript, for so many minutes, and
 * until each kind of mishap has come once. After each mishap all must be well again, and an app that has no part in it must have noticed nothing.
 */
export async function abuse(options: AbuseOptions): Promise<AbuseTotals> {
  const { bundle, minutes, before, save, progress, signal } = options;
  const totals = before ?? nothing();
  const folder = await mkdtemp(join(tmpdir(), 'sm-abuse-'));
  try {
    await using host = new AbusedHost({ bundle, folder, apps });
    await host.start();
    const witness = new Witness(host, join(folder, 'state'), 'witness');
    await witness.begins();
    const from = performance.now();
    const end = from + minutes * 60_000;
    for (let count = 1; (performance.now() < end || count <= mishaps.length) && !signal.aborted; count++) {
      const mishap = pick(count);
      await attempt(totals, mishap.name, async () => {
        await mishap(host, totals);
        totals.slowest = Math.max(totals.slowest, await witness.look());
        totals.pings++;
        totals.resident = Math.max(totals.resident, await residentBytes(host.pid));
      });
      if (count % MISHAPS_BETWEEN_KILLS === 0)
        await attempt(totals, killSupervisor.name, async () => {
          await killSupervisor(host);
          totals.kills++;
          await witness.isKept();
          await witness.begins();
          await save(totals);
        });
      progress(
        `${count} mishaps, ${totals.kills} ends of viscript; ${totals.lost.length} times something was lost`,
      );
      // What is lost once is to be looked into, not counted.
      if (totals.lost.length > (before?.lost.length ?? 0)) break;
    }
    totals.minutes += (performance.now() - from) / 60_000;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  totals.day = new Date().toISOString().slice(0, 10);
  await save(totals);
  return totals;
}

/** Each in turn, then any. */
function pick(count: number): Mishap {
  const at = count <= mishaps.length ? count - 1 : randomInt(mishaps.length);
  const [first] = mishaps;
  const mishap = mishaps[at] ?? first;
  if (mishap === undefined) throw new RangeError('there are no mishaps');
  return mishap;
}

async function attempt(totals: AbuseTotals, what: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof MeasureError)) throw error;
    const cause = error.cause instanceof Error ? `: ${error.cause.message}` : '';
    totals.lost.push(`${what}: ${error.message}${cause}`);
  }
}

function nothing(): AbuseTotals {
  return {
    ...{ day: '', minutes: 0, crashes: 0, hangs: 0, floods: 0, flooded: 0, knocks: 0 },
    ...{ kills: 0, pings: 0, slowest: 0, resident: 0, lost: [] },
  };
}
