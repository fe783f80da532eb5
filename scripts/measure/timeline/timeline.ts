import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { MeasureError, until } from '../process.ts';
import { startOn } from '../proxies/proxy.ts';
import type { Row } from '../row.ts';
import type { WayThrough } from '../way-through.ts';
import { BIN_MS, Recording } from './recording.ts';
import { TwoWays } from './two-ways.ts';
import { type Contestant, throughMesh, throughSsh, throughYggdrasil } from './ways-through.ts';

export interface TimelineOptions {
  /** Folder with the bundled apps. */
  apps: string;
  folder: string;
  /** How often each contestant downloads, in turns. */
  runs: number;
  progress: (text: string) => void;
}

/** A cable is out from one second to the other, counted from the first byte of a download. */
export interface Cut {
  from: number;
  to: number;
}

/** A download of one contestant. */
export interface Line {
  name: string;
  recording: Recording;
}

/** Each of the way in use then. The second and the third come two seconds after another way is mended. */
export const CUTS: readonly Cut[] = [8, 14, 20].map((from) => ({ from, to: from + 4 }));

/** Every cable's bandwidth, in Mbit/s, so that lines can be compared on a machine that does other things too. */
export const CABLE_MEGABITS = 400;

/** Seconds from the first byte to the end of the measurement. */
const LASTS_S = 30;
/** Which way is in use is looked at so long before a cut: looking takes time. */
const LOOK_BEFORE_MS = 1_000;
const port = 8_000;

/**
 * A download over two ways of which the one in use is cut again and again: each contestant on a network of its own, anew
 * in each run.
 *
 * @returns for each run the line of each contestant, ours first
 */
export async function measureTimeline({ apps, folder, runs, progress }: TimelineOptions): Promise<Line[][]> {
  const measured: Line[][] = [];
  for (let run = 1; run <= runs; run++) {
    const lines: Line[] = [];
    for (const [at, contestant] of [throughMesh(apps), throughSsh(), throughYggdrasil()].entries()) {
      progress(`cuts: ${contestant.name}, run ${run} of ${runs}`);
      const recording = await measure(contestant, join(folder, `cuts${run}-${at}`));
      lines.push({ name: contestant.name, recording });
    }
    measured.push(lines);
  }
  return measured;
}

/** The longest time in which less than a megabyte came after each cut, before the next one, in milliseconds. */
export function stallsOf({ recording }: Line): number[] {
  return CUTS.map(({ from }, at) =>
    recording.longestStall(from * 1_000, (CUTS[at + 1]?.from ?? LASTS_S) * 1_000),
  );
}

/** Megabits per second in each bin of a recording. */
export function megabitsOf({ recording }: Line): number[] {
  return recording.bins.map((bytes) => (bytes * 8) / 1_000 / BIN_MS);
}

/** The run in the middle, by our longest stall: neither the one that looks best nor the one that looks worst. */
export function middleRun(runs: readonly Line[][]): Line[] {
  const sorted = runs.toSorted((one, other) => longestOfOurs(one) - longestOfOurs(other));
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? [];
}

/** A row for each cut, with a value of each run, and one for the longest stall of all. @param runs ours is the first line */
export function stallRows(runs: readonly Line[][]): Row[] {
  const row = (what: string, values: (name: string) => number[]): Row => {
    const [ours = '', ...peers] = runs[0]?.map(({ name }) => name) ?? [];
    return {
      ...{ group: 'a download whose way is cut for 4 s', what, unit: 'ms', ours: values(ours) },
      peers: Object.fromEntries(peers.map((peer) => [peer, values(peer)])),
      must: { limit: 2_000 },
      goal: { limit: 1_000 },
    };
  };
  const linesOf = (name: string) => runs.flatMap((lines) => lines.filter((line) => line.name === name));
  return [
    ...CUTS.map((_, at) =>
      row(`longest stall after cut ${at + 1}`, (name) =>
        linesOf(name).flatMap((line) => stallsOf(line).slice(at, at + 1)),
      ),
    ),
    row(`longest stall of all in ${runs.length} runs`, (name) => [
      Math.max(...linesOf(name).flatMap((line) => stallsOf(line))),
    ]),
  ];
}

function longestOfOurs([ours]: readonly Line[]): number {
  return ours === undefined ? 0 : Math.max(...stallsOf(ours));
}

async function measure(contestant: Contestant, folder: string): Promise<Recording> {
  await using ways = await TwoWays.lay(CABLE_MEGABITS);
  startOn(ways.far, process.execPath, [join(import.meta.dirname, '../blob.ts'), String(port), '::']);
  const through = await contestant.start(ways, folder);
  await until(`a download by ${contestant.name}`, () =>
    ways.near.run('curl', ...curlArgs(through, 1_000), '--output', '/dev/null', '--max-time', '5'),
  );
  await contestant.prepared();
  return await download(ways, through);
}

async function download(ways: TwoWays, through: WayThrough): Promise<Recording> {
  const curl = ways.near.spawn('curl', curlArgs(through, Number.MAX_SAFE_INTEGER), {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const { stdout } = curl;
  if (stdout === null) throw new MeasureError('curl has no output');
  await once(stdout, 'readable');
  const recording = new Recording();
  const start = performance.now();
  const now = () => performance.now() - start;
  const reach = (at: number) => delay(Math.max(0, at - now()));
  stdout.on('data', (bytes: Buffer) => recording.add(now(), bytes.length));
  for (const { from, to } of CUTS) {
    await reach(from * 1_000 - LOOK_BEFORE_MS);
    const relay = await ways.wayInUse();
    await reach(from * 1_000);
    await ways.cut(relay);
    await reach(to * 1_000);
    await ways.mend(relay);
  }
  await reach(LASTS_S * 1_000);
  recording.end(LASTS_S * 1_000);
  return recording;
}

function curlArgs({ curl, server }: WayThrough, bytes: number): string[] {
  return ['--silent', '--show-error', '--fail', '--no-buffer', ...curl, `http://${server}:${port}/${bytes}`];
}
