import { describe, expect, it } from 'vitest';
import { Recording } from '../../../../scripts/measure/timeline/recording.ts';

/** 100 bytes every 5 ms, but not between these. */
function withSilences(
  lasts: number,
  ...silences: readonly (readonly [from: number, to: number])[]
): Recording {
  const recording = new Recording();
  for (let at = 0; at < lasts; at += 5)
    if (!silences.some(([from, to]) => at > from && at < to)) recording.add(at, 100);
  recording.end(lasts);
  return recording;
}

describe('a recording', () => {
  it('counts bytes in tenths of a second, also in those in which none came', () => {
    const recording = new Recording();
    recording.add(0, 1);
    recording.add(99.9, 2);
    recording.add(310, 4);
    recording.add(550, 8);
    recording.end(600);
    expect(recording.bins).toEqual([3, 0, 0, 4, 0, 8]);
  });

  it('ends with empty bins when nothing comes any more, and leaves out one that is not over', () => {
    const recording = new Recording();
    recording.add(0, 1);
    recording.end(350);
    expect(recording.bins).toEqual([1, 0, 0]);
    const other = new Recording();
    other.add(0, 1);
    other.add(210, 1);
    other.end(250);
    expect(other.bins).toEqual([1, 0]);
  });

  it('knows the longest silence after a cut', () => {
    const recording = withSilences(3_000, [500, 700], [1_000, 1_400], [1_500, 1_550]);
    expect(recording.longestSilence(400, 900)).toBe(200);
    expect(recording.longestSilence(950, 2_000)).toBe(400);
    expect(recording.longestSilence(2_000, 3_000)).toBe(0);
  });

  it('counts a silence that outlasts the next cut for both, from each of them on', () => {
    const recording = withSilences(3_000, [500, 2_000]);
    expect(recording.longestSilence(400, 1_200)).toBe(1_500);
    expect(recording.longestSilence(1_200, 3_000)).toBe(800);
  });

  it('is silent to its end when nothing comes any more', () => {
    expect(withSilences(3_000, [1_000, 3_000]).longestSilence(900, 3_000)).toBe(2_000);
  });
});
