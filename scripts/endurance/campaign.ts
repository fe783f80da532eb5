import { z } from 'zod';
import { quoteWord } from '../../services/viscript/terminal/words.ts';
import type { Decoder } from './decoders.ts';
import type { FuzzResult } from './result.ts';
import type { Fuzzed } from './state.ts';

/** Times the inputs of an ordinary run in one slice: some minutes, which is what can be lost when it is stopped. */
const SLICE_FACTOR = 4;

type Counts = Readonly<Record<string, Fuzzed>>;

const result: z.ZodType<FuzzResult> = z.object({
  decoder: z.string(),
  inputs: z.number(),
  failure: z
    .object({
      file: z.string(),
      test: z.string(),
      seed: z.number(),
      path: z.string().exactOptional(),
      example: z.unknown().exactOptional(),
      message: z.string(),
    })
    .exactOptional(),
});

export interface Slice {
  /** Those that have not had their inputs yet, and have not failed. */
  decoders: Decoder[];
  /** Their test files, each once. */
  files: string[];
  /** For SKYMINER_FUZZ_FACTOR. */
  factor: number;
}

/**
 * What to run next; undefined when all decoders have had their inputs, or have failed.
 *
 * @param factor times the inputs of an ordinary run that each decoder shall have in the end
 */
export function nextSlice(all: readonly Decoder[], counts: Counts, factor: number): Slice | undefined {
  const missing = (decoder: Decoder) => factor - (counts[decoder.name]?.inputs ?? 0) / decoder.least;
  const decoders = all.filter(
    // Less than one input is a matter of rounding.
    (decoder) => counts[decoder.name]?.repeat === undefined && missing(decoder) * decoder.least >= 1,
  );
  if (decoders.length === 0) return undefined;
  return {
    decoders,
    files: [...new Set(decoders.map(({ file }) => file))],
    factor: Math.min(SLICE_FACTOR, Math.max(...decoders.map(missing))),
  };
}

/** Reads the lines that tests have written to SKYMINER_FUZZ_RESULTS; the last one may be cut off. */
export function readResults(text: string): FuzzResult[] {
  const lines = text.split('\n').slice(0, -1);
  return lines.map((line) => result.parse(JSON.parse(line)));
}

/** The counts with those of a slice added. */
export function addResults(counts: Counts, results: readonly FuzzResult[]): Record<string, Fuzzed> {
  const sums: Record<string, Fuzzed> = { ...counts };
  for (const { decoder, inputs, failure } of results) {
    const before = sums[decoder];
    const repeat = failure === undefined ? before?.repeat : repeatCommand(failure);
    sums[decoder] = { inputs: (before?.inputs ?? 0) + inputs, ...(repeat === undefined ? {} : { repeat }) };
  }
  return sums;
}

/** What a person is told of a decoder that failed; empty when it did not. */
export function describeFailure({ decoder, failure }: FuzzResult): string {
  if (failure === undefined) return '';
  const { message, example, seed, path } = failure;
  const kept = example === undefined ? 'not kept: it is more than bytes and JSON' : 'kept in the corpus';
  const place = path === undefined ? 'from the corpus' : `seed ${seed}, path ${path}, ${kept}`;
  return `\n${decoder} failed (${place})\n${message}\nTo see it again: ${repeatCommand(failure)}\n`;
}

/** What to type to see it fail again, in the repository's folder. */
export function repeatCommand({ file, test, seed, path }: NonNullable<FuzzResult['failure']>): string {
  // What is in the corpus comes first in every run.
  const input = path === undefined ? '' : `SKYMINER_FUZZ_SEED=${seed} SKYMINER_FUZZ_PATH=${path} `;
  const pattern = test.replaceAll(' > ', ' ').replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  return `${input}node_modules/.bin/vitest run --project runtime ${quoteWord(file)} -t ${quoteWord(pattern)}`;
}
