import type { Kind } from '../../../../services/manager/routing/route.ts';
import { microseconds, type TestLink } from './mesh.ts';

export interface Best {
  kind: Kind;
  /** µs. */
  weight: number;
}

/** The best route by trying all pairs of paths; the slow way that needs no thought. */
export function bestRoute(links: readonly TestLink[], from: number, to: number): Best | undefined {
  const paths = allPaths(links, from, to);
  const pairs = paths.flatMap((one, at) => paths.slice(at + 1).map((other) => [one, other] as const));
  const apart = pairs.filter(([one, other]) => !shares(linksOf(one), linksOf(other)));
  const disjoint = apart.filter(([one, other]) => !shares(relaysOf(one), relaysOf(other)));
  const lightest = (candidates: readonly (readonly number[][])[]) =>
    Math.min(...candidates.map((candidate) => candidate.reduce((sum, path) => sum + weigh(links, path), 0)));
  if (disjoint.length > 0) return { kind: 'node-disjoint', weight: lightest(disjoint) };
  if (apart.length > 0) return { kind: 'link-disjoint', weight: lightest(apart) };
  if (paths.length > 0) return { kind: 'single', weight: lightest(paths.map((path) => [path])) };
  return undefined;
}

/** The two paths that a greedy search finds: the shortest, then the shortest that shares no relay with it. */
export function greedyPair(links: readonly TestLink[], from: number, to: number): number[][] {
  const byWeight = allPaths(links, from, to).sort((a, b) => weigh(links, a) - weigh(links, b));
  const first = byWeight[0] ?? [];
  const second = byWeight.find(
    (path) => !shares(relaysOf(path), relaysOf(first)) && !shares(linksOf(path), linksOf(first)),
  );
  return second ? [first, second] : [first];
}

export function linksOf(path: readonly number[]): string[] {
  return path.slice(1).map((node, at) => [node, path[at] as number].sort((a, b) => a - b).join('-'));
}

export function relaysOf(path: readonly number[]): number[] {
  return path.slice(1, -1);
}

export function shares<T>(one: readonly T[], other: readonly T[]): boolean {
  return one.some((each) => other.includes(each));
}

/** µs. A path over a link that is not there weighs NaN. */
export function weigh(links: readonly TestLink[], path: readonly number[]): number {
  const weights = new Map(links.map(([one, other, ms]) => [linksOf([one, other])[0], microseconds(ms)]));
  return linksOf(path).reduce((sum, link) => sum + (weights.get(link) ?? Number.NaN), 0);
}

/** Paths that pass no node twice. */
function allPaths(links: readonly TestLink[], from: number, to: number, before: number[] = []): number[][] {
  const path = [...before, from];
  if (from === to) return [path];
  return links
    .flatMap(([one, other]) => (one === from ? [other] : other === from ? [one] : []))
    .filter((next) => !path.includes(next))
    .flatMap((next) => allPaths(links, next, to, path));
}
