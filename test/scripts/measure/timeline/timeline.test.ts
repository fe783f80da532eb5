import { describe, expect, it } from 'vitest';
import { Recording } from '../../../../scripts/measure/timeline/recording.ts';
import { CUTS, type Line, middleRun, stallRows } from '../../../../scripts/measure/timeline/timeline.ts';

/** A line with a stall of so many milliseconds after each cut, and a megabyte every 10 ms else. */
function lineWith(name: string, stalls: readonly number[]): Line {
  const recording = new Recording();
  const stalled = (at: number) =>
    CUTS.some(({ from }, cut) => at > from * 1_000 && at < from * 1_000 + (stalls[cut] ?? 0));
  for (let at = 0; at < 30_000; at += 10) if (!stalled(at)) recording.add(at, 1_000_000);
  recording.end(30_000);
  return { name, recording };
}

const runs = [
  [lineWith('ours', [300, 200, 100]), lineWith('theirs', [3_000, 3_000, 3_000])],
  [lineWith('ours', [500, 700, 500]), lineWith('theirs', [4_000, 3_000, 3_000])],
  [lineWith('ours', [100, 250, 2_500]), lineWith('theirs', [3_000, 3_000, 3_000])],
];

describe('the stalls of several runs', () => {
  it('are a row for each cut with a value of each run, and one for the longest of all', () => {
    const rows = stallRows(runs);
    expect(rows.map(({ what, ours }) => [what, ours])).toEqual([
      ['longest stall after cut 1', [300, 500, 100]],
      ['longest stall after cut 2', [200, 700, 250]],
      ['longest stall after cut 3', [100, 500, 2_500]],
      ['longest stall of all in 3 runs', [2_500]],
    ]);
    expect(rows.map(({ peers }) => peers)).toEqual([
      { theirs: [3_000, 4_000, 3_000] },
      { theirs: [3_000, 3_000, 3_000] },
      { theirs: [3_000, 3_000, 3_000] },
      { theirs: [4_000] },
    ]);
  });

  it('are drawn of the run in the middle', () => {
    expect(middleRun(runs)).toBe(runs[1]);
    expect(middleRun(runs.slice(0, 1))).toBe(runs[0]);
  });
});
