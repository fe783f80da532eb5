import { expect, it } from 'vitest';
import { full, line, type Plan, ring, twoWays } from '../../../../scripts/lib/lab-mesh/plans.ts';

function cablesOf({ cables }: Plan): string[] {
  return cables.map((ends) => ends.join('–'));
}

it('joins nodes to a line, a ring, a full mesh, and two ways that share nothing but their ends', () => {
  expect(cablesOf(line(3))).toEqual(['a–b', 'b–c']);
  expect(cablesOf(ring(3))).toEqual(['a–b', 'b–c', 'c–a']);
  expect(cablesOf(full(4))).toEqual(['a–b', 'a–c', 'a–d', 'b–c', 'b–d', 'c–d']);
  expect(cablesOf(twoWays(2))).toEqual([
    ...['source–left1', 'left1–left2', 'left2–sink'],
    ...['source–right1', 'right1–right2', 'right2–sink'],
  ]);
  expect(twoWays(2).nodes).toEqual(['source', 'sink', 'left1', 'left2', 'right1', 'right2']);
});
