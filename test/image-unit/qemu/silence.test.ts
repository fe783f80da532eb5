import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Silence } from '../../../image/qemu/silence.ts';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

it('is told when it has lasted too long since something was heard last', async () => {
  using silence = new Silence(60_000);
  const told = vi.fn();
  silence.over.catch(told);
  await vi.advanceTimersByTimeAsync(59_999);
  silence.heard();
  await vi.advanceTimersByTimeAsync(59_999);
  expect(told).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect(told).toHaveBeenCalledExactlyOnceWith(new Error('nothing was heard for 60 s'));
});

it('is nothing to anybody any more when the wait is over', async () => {
  const told = vi.fn();
  {
    using silence = new Silence(60_000);
    silence.over.catch(told);
  }
  await vi.advanceTimersByTimeAsync(60_000);
  expect(told).not.toHaveBeenCalled();
  expect(vi.getTimerCount()).toBe(0);
});
