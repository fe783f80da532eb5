/** Most nodes that a mesh on one machine is made of: each is a process with some 70 MB. */
export const MAX_NODES = 16;

/**
 * Who is a neighbour of whom, by number from 0: a ladder between the first node and the last one, so that neither has
 * a link with the other, and there are two ways between them that have no node in common.
 *
 *         1 — 3
 *     0 <  \   > 4
 *         2 ———
 */
export function ladder(count: number): [number, number][] {
  const last = count - 1;
  const pairs = new Map<string, [number, number]>();
  const add = (one: number, other: number) => {
    if (one >= 0 && other <= last && one < other) pairs.set(`${one} ${other}`, [one, other]);
  };
  add(0, 1);
  if (count > 3) add(0, 2);
  for (let node = 1; node < last; node++) {
    if (node + 2 < last) add(node, node + 2);
    if (node % 2 === 1 && node + 1 < last) add(node, node + 1);
  }
  if (count > 3) add(last - 2, last);
  add(last - 1, last);
  return [...pairs.values()];
}

/** The neighbours of each node, by number. */
export function neighboursOf(count: number): number[][] {
  const neighbours = Array.from({ length: count }, (): number[] => []);
  for (const [one, other] of ladder(count)) {
    neighbours[one]?.push(other);
    neighbours[other]?.push(one);
  }
  return neighbours;
}
