/** What was written while nothing happened. */
export interface Wear {
  /** Bytes in each span between two looks. */
  spans: number[];
  /** Length of a span, milliseconds. */
  spanMs: number;
  /** Bytes in a day at the same rate. */
  perDay: number;
}

const dayMs = 24 * 3_600_000;

/**
 * @param looks bytes written since some beginning, at even distances, two at least
 * @throws {RangeError} there are less, or a counter has gone back
 */
export function extrapolate(looks: readonly number[], spanMs: number): Wear {
  if (looks.length < 2) throw new RangeError('a rate needs two looks at least');
  const spans = looks.slice(1).map((bytes, at) => bytes - (looks[at] ?? 0));
  if (spans.some((bytes) => bytes < 0)) throw new RangeError('the counter of written bytes has gone back');
  const total = spans.reduce((sum, bytes) => sum + bytes, 0);
  return { spans, spanMs, perDay: Math.round((total / (spans.length * spanMs)) * dayMs) };
}
