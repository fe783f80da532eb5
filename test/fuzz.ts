import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import fc from 'fast-check';
import { expect } from 'vitest';
import type { FuzzResult } from '../scripts/endurance/result.ts';
import { fromCorpus, toCorpus } from './corpus/format.ts';

const root = join(import.meta.dirname, '..');

/**
 * How fast-check tries a property that takes whatever comes. First comes what has failed before, from
 * `test/corpus/DECODER.jsonl`. These variables of the environment are for `scripts/soak`, and to repeat what it found:
 * SKYMINER_FUZZ_FACTOR multiplies the inputs, SKYMINER_FUZZ_SEED and SKYMINER_FUZZ_PATH choose them, and to
 * SKYMINER_FUZZ_RESULTS a {@link FuzzResult} is appended.
 *
 * @param decoder what is fuzzed, by a name that no other property has; `scripts/soak` finds both arguments by reading
 *   the sources, so they are written as they are here: `fuzzRuns('words', 100_000)`
 * @param least how many inputs every run of the tests tries
 */
export function fuzzRuns<Ts>(decoder: string, least: number): fc.Parameters<Ts> {
  const {
    SKYMINER_FUZZ_FACTOR: factor = '1',
    SKYMINER_FUZZ_SEED: seed,
    SKYMINER_FUZZ_PATH: path,
  } = process.env;
  const examples = path === undefined ? readCorpus<Ts>(decoder) : [];
  return {
    numRuns: Math.max(1, Math.round(least * Number(factor))),
    examples,
    ...(seed === undefined ? {} : { seed: Number(seed) }),
    ...(path === undefined ? {} : { path }),
    reporter: (details) => report(decoder, details, examples.length),
  };
}

/** At most so many bytes. */
export function bytes(maxLength: number): fc.Arbitrary<Buffer> {
  return fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));
}

type Change = (input: Buffer) => Buffer;

const change: fc.Arbitrary<Change> = fc.oneof(
  fc.tuple(fc.nat(), fc.nat({ max: 255 })).map(([at, value]): Change => {
    return (input) => {
      if (input.length > 0) input[at % input.length] = value;
      return input;
    };
  }),
  // Heads and lengths stand at the front: a change there is worth more.
  fc.tuple(fc.nat({ max: 13 }), fc.constantFrom(0, 1, 0x7f, 0x80, 0xff)).map(([at, value]): Change => {
    return (input) => {
      if (at < input.length) input[at] = value;
      return input;
    };
  }),
  fc.nat().map(
    (at): Change =>
      (input) =>
        input.subarray(0, at % (input.length + 1)),
  ),
  bytes(20).map(
    (tail): Change =>
      (input) =>
        Buffer.concat([input, tail]),
  ),
);

/** What is right, with up to four bytes changed, cut off or added. */
export function mutated(valid: fc.Arbitrary<Buffer>): fc.Arbitrary<Buffer> {
  return fc
    .tuple(valid, fc.array(change, { minLength: 1, maxLength: 4 }))
    .map(([input, changes]) => changes.reduce<Buffer>((changed, each) => each(changed), Buffer.from(input)));
}

function readCorpus<Ts>(decoder: string): Ts[] {
  const file = join(root, 'test/corpus', `${decoder}.jsonl`);
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  // What the property was given once, it can be given again.
  return lines.map((line) => fromCorpus(JSON.parse(line)) as Ts);
}

function report<Ts>(decoder: string, details: fc.RunDetails<Ts>, examples: number): void {
  const message = fc.defaultReportMessage(details) ?? 'no input was tried';
  const { SKYMINER_FUZZ_RESULTS: results } = process.env;
  if (results !== undefined) {
    const failure = details.failed ? { failure: failureOf(details, examples, message) } : {};
    const result: FuzzResult = { decoder, inputs: details.numRuns, ...failure };
    appendFileSync(results, `${JSON.stringify(result)}\n`);
  }
  if (details.failed) throw new Error(message, { cause: details.errorInstance });
}

function failureOf<Ts>(
  { seed, counterexample, counterexamplePath, errorInstance }: fc.RunDetails<Ts>,
  examples: number,
  message: string,
): NonNullable<FuzzResult['failure']> {
  const { testPath = '', currentTestName: test = '' } = expect.getState();
  // Examples are counted among the inputs, and there are others when it is repeated.
  const [first, ...rest] = (counterexamplePath ?? '').split(':').map(Number);
  const path = first === undefined || first < examples ? {} : { path: [first - examples, ...rest].join(':') };
  const example = toCorpus(counterexample);
  return {
    ...{ file: relative(root, testPath), test, seed, message: `${message}\nCause: ${errorInstance}` },
    ...path,
    ...(example === undefined ? {} : { example }),
  };
}
