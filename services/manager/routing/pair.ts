/** What paths are compared by. Nodes are given by their indexes. */
export interface Measure {
  weightOf(path: readonly number[]): number;
  /** The order of nodes that decides between paths of the same weight. */
  rankOf(node: number): number;
}

/**
 * Two disjoint paths out of a shortest path and the one that augments it: a link that they take in opposite
 * directions is taken by neither. Where the paths meet, they are joined so that the first is as short as can be.
 *
 * @param second as `SecondPathSearch.find` returns it
 * @returns the lighter path first
 */
export function disjointPaths(
  first: readonly number[],
  second: readonly number[],
  measure: Measure,
): [number[], number[]] {
  const following = withoutOpposites(first, second);
  const source = first[0] as number;
  const target = first.at(-1) as number;
  return bestFirst(walk(following, source, target), walk(following, source, target), measure);
}

/** For each node those that follow it, on one path or on both. */
function withoutOpposites(first: readonly number[], second: readonly number[]): Map<number, number[]> {
  const following = new Map<number, number[]>();
  const before = new Map<number, number>();
  for (const [node, next] of hops(first)) {
    following.set(node, [next]);
    before.set(next, node);
  }
  for (const [node, next] of hops(second)) {
    if (before.get(node) === next)
      following.set(
        next,
        (following.get(next) ?? []).filter((each) => each !== node),
      );
    else following.set(node, [...(following.get(node) ?? []), next]);
  }
  return following;
}

/** Takes out one path. It ends: a cycle would make the pair heavier than it must be, so there is none. */
function walk(following: Map<number, number[]>, source: number, target: number): number[] {
  const path = [source];
  for (let node = source; node !== target; path.push(node)) node = following.get(node)?.pop() as number;
  return path;
}

/** Cuts both where they meet, and gives the better part of each two to the first. */
function bestFirst(one: readonly number[], other: readonly number[], measure: Measure): [number[], number[]] {
  const places = new Map(other.map((node, place) => [node, place]));
  const better = one.slice(0, 1);
  const worse = one.slice(0, 1);
  let cut = 0;
  let otherCut = 0;
  for (const [place, node] of one.entries()) {
    const otherPlace = places.get(node);
    if (place === 0 || otherPlace === undefined) continue;
    const parts = [one.slice(cut, place + 1), other.slice(otherCut, otherPlace + 1)];
    parts.sort(
      (a, b) => measure.weightOf(a) - measure.weightOf(b) || secondRank(a, measure) - secondRank(b, measure),
    );
    better.push(...(parts[0] ?? []).slice(1));
    worse.push(...(parts[1] ?? []).slice(1));
    cut = place;
    otherCut = otherPlace;
  }
  return [better, worse];
}

/** Parts that share no link but begin at the same node differ in the next one. */
function secondRank(part: readonly number[], measure: Measure): number {
  return measure.rankOf(part[1] as number);
}

function hops(path: readonly number[]): [number, number][] {
  return path.slice(1).map((next, place) => [path[place] as number, next]);
}
