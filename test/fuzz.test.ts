import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, expect, it, vi } from 'vitest';
import type { FuzzResult } from '../scripts/endurance/result.ts';
import { fuzzRuns } from './fuzz.ts';

const decoder = 'none';
const folder = mkdtempSync(join(tmpdir(), 'skyminer-fuzz-'));
const results = join(folder, 'results');

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

it('says what failed, so that it can be repeated and kept', () => {
  vi.stubEnv('SKYMINER_FUZZ_RESULTS', results);
  vi.stubEnv('SKYMINER_FUZZ_FACTOR', '3');
  const small = fc.property(fc.nat(), (value) => value < 1_000);
  const anything = fc.property(fc.nat(), () => true);
  expect(() => fc.assert(small, fuzzRuns(decoder, 50))).toThrow('Property failed');
  fc.assert(anything, fuzzRuns(decoder, 50));
  const lines = readFileSync(results, 'utf8').trimEnd().split('\n');
  const [failed, passed] = lines.map((line): FuzzResult => JSON.parse(line));
  expect(passed).toEqual({ decoder, inputs: 150 });
  expect(failed?.failure).toMatchObject({
    ...{ file: 'test/fuzz.test.ts', test: 'says what failed, so that it can be repeated and kept' },
    example: [1_000],
    message: expect.stringContaining('Counterexample: [1000]'),
  });

  vi.unstubAllEnvs();
  vi.stubEnv('SKYMINER_FUZZ_SEED', String(failed?.failure?.seed));
  vi.stubEnv('SKYMINER_FUZZ_PATH', failed?.failure?.path);
  const seen: number[] = [];
  const watched = fc.property(fc.nat(), (value) => {
    seen.push(value);
    return value < 1_000;
  });
  expect(() => fc.assert(watched, fuzzRuns(decoder, 50))).toThrow('Property failed');
  expect(seen[0]).toBe(1_000);
});
