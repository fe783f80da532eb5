import { expect, it } from 'vitest';
import { judgeGrowth } from '../../../scripts/endurance/growth.ts';

const MB = 1_000_000;
const judge = (...megabytes: number[]) => judgeGrowth(megabytes.map((each) => each * MB));

it('compares the last third with the first one, whatever is between', () => {
  expect(judge(100, 102, 500, 600, 105, 103)).toEqual({ first: 101 * MB, last: 104 * MB, grows: false });
});

it('is not misled by a single sample', () => {
  expect(judge(50, 51, 50, 50, 50, 50, 50, 900, 52)).toMatchObject({ grows: false });
});

it('sees growth only where it is large and a large share', () => {
  expect(judge(100, 110, 116).grows).toBe(true);
  expect(judge(100, 110, 115).grows).toBe(false);
  expect(judge(20, 25, 30).grows).toBe(false);
  expect(judge(20, 25, 30.1).grows).toBe(true);
  expect(judge(200, 100, 50).grows).toBe(false);
});

it('needs three samples', () => {
  expect(() => judge(1, 2)).toThrow(RangeError);
});
