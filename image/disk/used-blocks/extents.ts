/** So many bytes from there on. */
export interface Extent {
  offset: number;
  length: number;
}

/** Rounded outwards to whole blocks, in order, those that touch joined to one; nothing beyond `end`. */
export function joined(extents: readonly Extent[], block: number, end: number): Extent[] {
  const whole: Extent[] = [];
  for (const { offset, length } of extents.toSorted((one, other) => one.offset - other.offset)) {
    if (length <= 0) continue;
    const from = Math.floor(offset / block) * block;
    const to = Math.min(Math.ceil((offset + length) / block) * block, end);
    const last = whole.at(-1);
    if (last !== undefined && from <= last.offset + last.length)
      last.length = Math.max(last.length, to - last.offset);
    else if (to > from) whole.push({ offset: from, length: to - from });
  }
  return whole;
}

/** What both lists have in common; each is in order and without overlaps. */
export function common(ones: readonly Extent[], others: readonly Extent[]): Extent[] {
  return ones.flatMap((one) =>
    others.flatMap((other) => {
      const offset = Math.max(one.offset, other.offset);
      const end = Math.min(one.offset + one.length, other.offset + other.length);
      return end > offset ? [{ offset, length: end - offset }] : [];
    }),
  );
}

/** What is left of the first list without the second; each is in order and without overlaps. */
export function without(extents: readonly Extent[], holes: readonly Extent[]): Extent[] {
  return holes.reduce<Extent[]>(
    (left, hole) =>
      left.flatMap(({ offset, length }) => {
        const end = offset + length;
        const holeEnd = hole.offset + hole.length;
        const before = { offset, length: Math.min(end, hole.offset) - offset };
        const after = { offset: Math.max(offset, holeEnd), length: end - Math.max(offset, holeEnd) };
        return [before, after].filter((part) => part.length > 0);
      }),
    [...extents],
  );
}
