import fc from 'fast-check';
import { expect, it } from 'vitest';
import { REPLAY_WINDOW, ReplayWindow } from '../../../services/net/replay-window.ts';

it('accepts each number once, in any order within the window', () => {
  const window = new ReplayWindow();
  for (const number of [0, 5, 3, 4, 1, 2, 4095, 6]) expect(window.accept(number)).toBe(true);
  for (const number of [0, 5, 3, 4, 1, 2, 4095, 6]) expect(window.accept(number)).toBe(false);
});

it('refuses what is older than the window', () => {
  const window = new ReplayWindow();
  expect(window.accept(10_000)).toBe(true);
  expect(window.accept(10_000 - REPLAY_WINDOW)).toBe(false);
  expect(window.accept(10_000 - REPLAY_WINDOW + 1)).toBe(true);
  expect(window.accept(10_000 - REPLAY_WINDOW + 1)).toBe(false);
});

it('counts as far as numbers are exact', () => {
  const window = new ReplayWindow();
  expect(window.accept(Number.MAX_SAFE_INTEGER)).toBe(true);
  expect(window.accept(Number.MAX_SAFE_INTEGER)).toBe(false);
  expect(window.accept(Number.MAX_SAFE_INTEGER - 1)).toBe(true);
  expect(window.accept(0)).toBe(false);
});

it('does the same as a list of all numbers would', () => {
  const step = fc.oneof(
    fc.integer({ min: -5000, max: 5000 }),
    fc.integer({ min: -40, max: 40 }),
    fc.constantFrom(-REPLAY_WINDOW, REPLAY_WINDOW, 1 - REPLAY_WINDOW, REPLAY_WINDOW - 1, 2 ** 40),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const window = new ReplayWindow();
      const seen = new Set<number>();
      let [highest, at] = [-1, 6000];
      for (const each of steps) {
        at = Math.max(0, at + each);
        const expected = !seen.has(at) && at > highest - REPLAY_WINDOW;
        expect(window.accept(at)).toBe(expected);
        seen.add(at);
        highest = Math.max(highest, at);
      }
    }),
    { numRuns: 2_000 },
  );
});
