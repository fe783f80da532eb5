import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ladder, MAX_NODES, neighboursOf } from '../../../scripts/local-mesh/topology.ts';

const counts = fc.integer({ min: 2, max: MAX_NODES });

describe('the neighbours in a mesh on one machine', () => {
  it('hold together, whichever node between the two ends is away', () => {
    fc.assert(
      fc.property(counts, (count) => {
        for (let away = 1; away < count - 1; away++)
          expect(reached(count, away)).toBe(count > 3 ? count - 1 : away);
        expect(reached(count, -1)).toBe(count);
      }),
    );
  });

  it('leave at least one node between the first and the last', () => {
    fc.assert(
      fc.property(counts, (count) => {
        fc.pre(count > 2);
        expect(neighboursOf(count)[0]).not.toContain(count - 1);
      }),
    );
  });

  it('are mutual, and nobody is his own', () => {
    fc.assert(
      fc.property(counts, (count) => {
        for (const [one, other] of ladder(count)) expect(one).toBeLessThan(other);
        const all = neighboursOf(count);
        for (const [node, mine] of all.entries())
          for (const other of mine) expect(all[other]).toContain(node);
      }),
    );
  });
});

/** How many nodes are reached from the first one without the one that is away. */
function reached(count: number, away: number): number {
  const neighbours = neighboursOf(count);
  const seen = new Set([0]);
  for (const node of seen) for (const next of neighbours[node] ?? []) if (next !== away) seen.add(next);
  return seen.size;
}
