/**
 * The middle value, or the mean of the two middle ones.
 *
 * @throws {RangeError} when there is none.
 */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.slice(Math.ceil(sorted.length / 2) - 1, Math.floor(sorted.length / 2) + 1);
  if (middle.length === 0) throw new RangeError('there is no median of no values');
  return middle.reduce((sum, value) => sum + value) / middle.length;
}

/**
 * How many times `peer` our value is: the median over the pairs, each of which was measured side by side, so that
 * what disturbs the machine for a while disturbs both of a pair.
 */
export function ratio(ours: readonly number[], peer: readonly number[]): number {
  if (ours.length !== peer.length)
    throw new RangeError('values that were measured in pairs differ in number');
  return median(ours.map((value, index) => value / (peer[index] ?? Number.NaN)));
}

/** The value below which so many of a hundred lie. @throws {RangeError} when there is none */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))];
  if (value === undefined) throw new RangeError('there is no percentile of no values');
  return value;
}
