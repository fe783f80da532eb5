import { expect, it } from 'vitest';
import { addResults, nextSlice, readResults, repeatCommand } from '../../../scripts/endurance/campaign.ts';

const frames = { name: 'frames', file: 'one.test.ts', least: 100_000 };
const text = { name: 'text', file: 'one.test.ts', least: 5_000 };
const words = { name: 'words', file: 'two.test.ts', least: 100_000 };
const all = [frames, text, words];
const failure = { file: 'one.test.ts', test: 'frames > are read', seed: 5, path: '7:1', message: 'no' };

it('goes on in slices until every decoder has had its inputs', () => {
  expect(nextSlice(all, {}, 100)).toEqual({
    decoders: all,
    files: ['one.test.ts', 'two.test.ts'],
    factor: 4,
  });
  const some = { frames: { inputs: 950_000 }, text: { inputs: 50_000 }, words: { inputs: 1_200_000 } };
  expect(nextSlice(all, some, 10)).toEqual({ decoders: [frames], files: ['one.test.ts'], factor: 0.5 });
  expect(nextSlice(all, { ...some, frames: { inputs: 1_000_000 } }, 10)).toBeUndefined();
});

it('runs less than a test where less is asked for', () => {
  expect(nextSlice(all, {}, 0.01)?.factor).toBe(0.01);
  expect(nextSlice([text], { text: { inputs: 2 } }, 0.0005)).toBeUndefined();
});

it('leaves out what failed', () => {
  const counts = { frames: { inputs: 10, repeat: 'vitest' }, words: { inputs: 400_000 } };
  expect(nextSlice(all, counts, 4)).toEqual({ decoders: [text], files: ['one.test.ts'], factor: 4 });
});

it('adds up what the tests have written, a line that was cut off left out', () => {
  const lines = [
    { decoder: 'frames', inputs: 9, failure },
    { decoder: 'text', inputs: 20 },
  ];
  const results = readResults(`${lines.map((line) => `${JSON.stringify(line)}\n`).join('')}{"decoder":"wo`);
  expect(results).toEqual(lines);
  expect(addResults({ text: { inputs: 300 }, words: { inputs: 4 } }, results)).toEqual({
    frames: { inputs: 9, repeat: repeatCommand(failure) },
    text: { inputs: 320 },
    words: { inputs: 4 },
  });
});

it('says what to type to see a failure again', () => {
  const vitest = 'node_modules/.bin/vitest run --project runtime one.test.ts';
  expect(repeatCommand(failure)).toBe(
    `SKYMINER_FUZZ_SEED=5 SKYMINER_FUZZ_PATH=7:1 ${vitest} -t 'frames are read'`,
  );
  const { path: _, ...known } = { ...failure, test: "what's (not) known" };
  expect(repeatCommand(known)).toBe(`${vitest} -t 'what'\\''s \\(not\\) known'`);
});
