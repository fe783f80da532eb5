import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { DelayLine } from '../../../../scripts/measure/vpn/delay-line.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it('delivers what was sent after its delay, in order', () => {
  const came: string[] = [];
  const line = new DelayLine<string>(
    (packet) => came.push(`${packet} at ${performance.now() - start}`),
    10,
    () => false,
  );
  const start = performance.now();
  line.send(['a', 'b']);
  vi.advanceTimersByTime(4);
  line.send(['c']);
  vi.advanceTimersByTime(5);
  expect(came).toEqual([]);
  vi.advanceTimersByTime(20);
  expect(came).toEqual(['a at 10', 'b at 10', 'c at 14']);
  line.send(['d']);
  vi.advanceTimersByTime(10);
  expect(came.at(-1)).toBe('d at 39');
});

it('loses what it is told to lose, and nothing else', () => {
  const came: number[] = [];
  let sent = 0;
  const line = new DelayLine<number>(
    (packet) => came.push(packet),
    10,
    () => ++sent % 3 === 0,
  );
  line.send([1, 2, 3, 4, 5, 6, 7]);
  vi.advanceTimersByTime(10);
  expect(came).toEqual([1, 2, 4, 5, 7]);
});
