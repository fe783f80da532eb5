import { randomInt } from 'node:crypto';
import { appendFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readTextIfAny } from '../../image/files.ts';
import type { Step } from '../../image/steps.ts';
import { addResults, nextSlice, readResults, type Slice } from './campaign.ts';
import type { Decoder } from './decoders.ts';
import type { FuzzResult } from './result.ts';
import { runTests } from './run-tests.ts';
import type { Fuzzed } from './state.ts';

export interface FuzzOptions {
  root: string;
  /** Folder for what is kept between runs. */
  out: string;
  decoders: readonly Decoder[];
  /** Times the inputs of an ordinary run that each decoder shall have. */
  factor: number;
  counts: Readonly<Record<string, Fuzzed>>;
  /** Keeps counts, after each slice. */
  save: (counts: Record<string, Fuzzed>) => Promise<void>;
  step: Step;
  /** Aborting it ends what runs; what was counted until then is saved. */
  signal: AbortSignal;
}

/** A slice in which a decoder was not tried: a test of the same file failed, or its process died. */
export class SliceFailed extends Error {
  override readonly name = 'SliceFailed';
}

/**
 * Fuzzes decoders in slices, each with other seeds, until all have had their inputs. What fails is kept in
 * `test/corpus/`, and left out from then on.
 *
 * @returns what failed
 * @throws {SliceFailed}
 */
export async function fuzz(options: FuzzOptions): Promise<FuzzResult[]> {
  const { root, out, decoders, factor, save, step, signal } = options;
  const results = join(out, 'results.jsonl');
  const failed: FuzzResult[] = [];
  // What failed before is tried again: it may have been corrected.
  const inputs = Object.entries(options.counts).map(([name, { inputs }]) => [name, { inputs }] as const);
  let counts: Record<string, Fuzzed> = Object.fromEntries(inputs);
  const count = async (): Promise<FuzzResult[]> => {
    const added = readResults(await readTextIfAny(results));
    await rm(results, { force: true });
    counts = addResults(counts, added);
    await save(counts);
    for (const result of added) {
      if (result.failure === undefined) continue;
      failed.push(result);
      if (result.failure.example !== undefined) await keep(root, result.decoder, result.failure.example);
    }
    return added;
  };
  // A run that was killed has left what it had tried.
  await count();
  for (;;) {
    const slice = nextSlice(decoders, counts, factor);
    step.note(progress(decoders, counts, factor));
    if (slice === undefined || signal.aborted) return failed;
    await runSlice(slice, results, options);
    const tried = new Set((await count()).map(({ decoder }) => decoder));
    const missing = slice.decoders.filter(({ name }) => !tried.has(name));
    if (missing.length > 0 && !signal.aborted)
      throw new SliceFailed(`not tried: ${missing.map(({ name }) => name).join(', ')}`);
  }
}

/** Runs the tests of a slice to their end, whatever comes of them. */
async function runSlice({ files, factor }: Slice, results: string, options: FuzzOptions): Promise<void> {
  const { root, step, signal } = options;
  const config = join(import.meta.dirname, 'vitest.config.ts');
  const env = {
    SKYMINER_FUZZ_FACTOR: String(factor),
    SKYMINER_FUZZ_SEED: String(randomInt(2 ** 31)),
    SKYMINER_FUZZ_RESULTS: results,
  };
  await runTests(['--config', config, ...files], { root, log: step.log, env, signal });
}

/** Adds an input to the corpus of a decoder, unless it is there. */
async function keep(root: string, decoder: string, example: unknown): Promise<void> {
  const file = join(root, 'test/corpus', `${decoder}.jsonl`);
  const line = `${JSON.stringify(example)}\n`;
  const kept = await readTextIfAny(file);
  if (!`\n${kept}`.includes(`\n${line}`)) await appendFile(file, line);
}

function progress(all: readonly Decoder[], counts: Readonly<Record<string, Fuzzed>>, factor: number): string {
  const wanted = all.reduce((sum, { least }) => sum + least * factor, 0);
  const had = all.reduce(
    (sum, { name, least }) => sum + Math.min(counts[name]?.inputs ?? 0, least * factor),
    0,
  );
  return `${((100 * had) / wanted).toFixed(1)} % of ${Math.round(wanted).toLocaleString('en')} inputs`;
}
