import { describe, expect, it } from 'vitest';
import { Recording } from '../../../../scripts/measure/timeline/recording.ts';

/** A megabyte every 10 ms, but not between these. */
function withStalls(lasts: number, ...stalls: readonly (readonly [from: number, to: number])[]): Recording {
  const recording = new Recording();
  for (let at = 0; at < lasts; at += 10)
    if (!stalls.some(([from, to]) => at > from && at < to)) recording.add(at, 1_000_000);
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

  it('ends with empty bins when nothing comes any more, and without one that is not over', () => {
    const recording = new Recording();
    recording.add(0, 1);
    recording.add(320, 1);
    recording.end(350);
    expect(recording.bins).toEqual([1, 0, 0]);
  });

  it('leaves out what has come after its end', () => {
    const recording = new Recording();
    recording.add(0, 1);
    recording.add(150, 2);
    recording.add(210, 4);
    recording.end(200);
    expect(recording.bins).toEqual([1, 2]);
  });

  it('knows the longest stall after a cut', () => {
    const recording = withStalls(3_000, [500, 700], [1_000, 1_400], [1_500, 1_550]);
    expect(recording.longestStall(400, 900)).toBe(200);
    expect(recording.longestStall(950, 2_000)).toBe(400);
    expect(recording.longestStall(2_000, 2_900)).toBe(10);
  });

  it('does not end a stall for a few bytes', () => {
    const recording = new Recording();
    recording.add(0, 2_000_000);
    for (const at of [100, 200, 300]) recording.add(at, 10_000);
    recording.add(400, 500_000);
    recording.add(500, 2_000_000);
    recording.end(510);
    expect(recording.longestStall(50, 600)).toBe(450);
  });

  it('counts a stall that outlasts the next cut for both, from each of them on', () => {
    const recording = withStalls(3_000, [500, 2_000]);
    expect(recording.longestStall(400, 1_200)).toBe(1_500);
    expect(recording.longestStall(1_200, 2_900)).toBe(800);
  });

  it('is stalled to its end when nothing comes any more', () => {
    expect(withStalls(3_000, [1_000, 3_000]).longestStall(900, 3_000)).toBe(2_000);
    expect(withStalls(3_000, [1_000, 3_000]).longestStall(2_000, 3_000)).toBe(1_000);
  });
});
