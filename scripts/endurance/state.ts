import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { withLock } from '../../image/lock.ts';
import type { Steps } from '../../image/steps.ts';
import type { AbuseTotals } from './abuse/campaign.ts';
import type { SourceTrial } from './image-source.ts';
import type { LongTest } from './long-tests.ts';
import type { PowerTotals } from './power/campaign.ts';
import type { RebootTotals } from './reboots.ts';
import type { Trial } from './sabotage/sabotage.ts';
import type { UpdatePowerTotals } from './update-power/campaign.ts';

const fuzzed = z.object({
  /** Inputs that were tried, in all runs. */
  inputs: z.number(),
  /** The command that shows it fail again. */
  repeat: z.string().exactOptional(),
});

const memory = z.object({
  /** Day on which it was measured: 2026-01-31. */
  day: z.string(),
  minutes: z.number(),
  /** Bytes that were downloaded meanwhile. */
  bytes: z.number(),
  idleStreams: z.number(),
  processes: z.array(
    z.object({
      name: z.string(),
      /** Median of resident bytes in the first third of the time, and in the last one. */
      first: z.number(),
      last: z.number(),
      grows: z.boolean(),
    }),
  ),
});

const power: z.ZodType<PowerTotals> = z.object({
  ...{ day: z.string(), recordings: z.number(), cuts: z.number(), boots: z.number(), gone: z.number() },
  lost: z.array(z.string()),
});

const abuse: z.ZodType<AbuseTotals> = z.object({
  ...{ day: z.string(), minutes: z.number(), crashes: z.number(), hangs: z.number(), floods: z.number() },
  ...{ flooded: z.number(), knocks: z.number(), kills: z.number(), pings: z.number() },
  ...{ slowest: z.number(), resident: z.number(), lost: z.array(z.string()) },
});

const reboots: z.ZodType<RebootTotals> = z.object({
  ...{ day: z.string(), reboots: z.number(), well: z.boolean() },
});

const updatePower: z.ZodType<UpdatePowerTotals> = z.object({
  ...{ day: z.string(), cuts: z.number(), boots: z.number(), torn: z.number() },
  lost: z.array(z.string()),
});

const longTest: z.ZodType<LongTest> = z.object({
  ...{ file: z.string(), day: z.string(), minutes: z.number(), passed: z.boolean() },
});

const source: z.ZodType<SourceTrial> = z.object({
  ...{ day: z.string(), image: z.string(), minutes: z.number(), passed: z.boolean() },
});

const trial: z.ZodType<Trial> = z.object({
  ...{ broken: z.string(), day: z.string(), test: z.string(), name: z.string() },
  ...{ noticed: z.boolean(), said: z.string() },
});

const state = z.object({
  /** By name of the decoder. */
  fuzz: z.record(z.string(), fuzzed),
  memory: memory.exactOptional(),
  abuse: abuse.exactOptional(),
  power: power.exactOptional(),
  reboots: reboots.exactOptional(),
  updatePower: updatePower.exactOptional(),
  /** By their files. */
  boards: z.record(z.string(), longTest).default({}),
  /** By their names: debian, buildroot. */
  sources: z.record(z.string(), source).default({}),
  /** By what was broken. */
  sabotage: z.record(z.string(), trial).default({}),
});

/** What was found so far, in as many runs as it took. */
export type SoakState = z.infer<typeof state>;
export type Fuzzed = z.infer<typeof fuzzed>;
export type MemoryFindings = z.infer<typeof memory>;

/** Reads what {@link writeState} wrote; nothing was found where there is no such file. @throws {Error} it is damaged */
export async function readState(file: string): Promise<SoakState> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT')
      return JSON.stringify({ fuzz: {}, boards: {}, sources: {}, sabotage: {} } satisfies SoakState);
    throw error;
  });
  try {
    return state.parse(JSON.parse(text));
  } catch (cause) {
    throw new Error(`${file} is damaged: remove it to begin anew`, { cause });
  }
}

/**
 * Works on what was found so far, and keeps it. One at a time: a second program waits for the first, for each keeps all
 * that it knows.
 *
 * @param steps shows the waiting
 */
export function withState<T>(
  file: string,
  steps: Steps,
  work: (state: SoakState, save: () => Promise<void>) => Promise<T>,
): Promise<T> {
  const waiting = (ours: () => Promise<void>) =>
    steps.step('Wait for another soak in this folder', 'Look which one it is: `ps -C flock u`.', ours);
  return withLock(`${file}.lock`, waiting, async () => {
    const state = await readState(file);
    let saved = Promise.resolve();
    // One after the other, for all of them write to one file before it takes the place of the last.
    const save = () => {
      saved = saved.then(() => writeState(file, state));
      return saved;
    };
    return work(state, save);
  });
}

/** As a whole or not at all, whenever the program ends. */
export async function writeState(file: string, found: SoakState): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(`${file}.part`, `${JSON.stringify(found, undefined, 2)}\n`);
  await rename(`${file}.part`, file);
}
