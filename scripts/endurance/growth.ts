import { median } from '../measure/statistics.ts';

/** A process grows when it has grown by more than both: a share of what it had, and so many bytes. */
const MOST_SHARE = 0.15;
const MOST_BYTES = 10_000_000;

export interface Growth {
  /** Median of the samples in the first third of the time, and in the last one. */
  first: number;
  last: number;
  /** It takes more and more memory. */
  grows: boolean;
}

/**
 * Judges samples of the memory of a process, in bytes, taken at even distances.
 *
 * @throws {RangeError} there are less than three
 */
export function judgeGrowth(samples: readonly number[]): Growth {
  const third = Math.floor(samples.length / 3);
  if (third === 0) throw new RangeError('there is no growth to be seen in less than three samples');
  const [first, last] = [median(samples.slice(0, third)), median(samples.slice(-third))];
  const grown = last - first;
  return { first, last, grows: grown > MOST_BYTES && grown > MOST_SHARE * first };
}
