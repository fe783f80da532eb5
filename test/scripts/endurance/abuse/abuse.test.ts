import { expect, it } from 'vitest';
import { type AbuseTotals, abuse } from '../../../../scripts/endurance/abuse/campaign.ts';
import { follow } from '../../../../scripts/endurance/abuse/witness.ts';
import { bundle } from '../../../build-bundle.ts';

it('has apps crash, hang, flood and leave orphans, and finds nothing lost', async () => {
  const saved: AbuseTotals[] = [];
  const before: AbuseTotals = {
    ...{ day: '2026-01-31', minutes: 5, crashes: 100, hangs: 10, floods: 10, flooded: 1e9, knocks: 200 },
    ...{ kills: 3, pings: 1000, slowest: 1, resident: 1, lost: [] },
  };
  const totals = await abuse({
    ...{ bundle, minutes: 0.12, before, signal: new AbortController().signal },
    save: async (each) => void saved.push(each),
    progress: () => undefined,
  });
  expect(totals.lost).toEqual([]);
  expect(totals.minutes).toBeGreaterThan(5.1);
  expect(totals.crashes).toBeGreaterThan(100);
  expect(totals.hangs).toBeGreaterThan(10);
  expect(totals.floods).toBeGreaterThan(10);
  expect(totals.flooded).toBeGreaterThan(1.01e9);
  expect(totals.knocks).toBeGreaterThan(200);
  expect(saved.at(-1)).toEqual(totals);
});

it('finds a line that is missing, doubled, or gone in the end', () => {
  expect(follow(-1, [0, 1, 2], 'a')).toBe(2);
  expect(follow(2, [1, 2, 3, 4], 'a')).toBe(4);
  expect(follow(2, [3, 4], 'a')).toBe(4);
  expect(() => follow(2, [4, 5], 'a')).toThrow('line 4 came where 3 was due');
  expect(() => follow(2, [1, 2, 2], 'a')).toThrow('line 2 came where 3 was due');
  expect(() => follow(2, [0, 1], 'a')).toThrow('lines after 1 are gone');
  expect(() => follow(2, [], 'a')).toThrow('are gone');
});
