import type { Route } from './route.ts';

/**
 * Second half of the hysteresis, for circuits: what a circuit gets by moving must be worth it, for moving costs, and its
 * own load moves with it. It moves when its route breaks, when there is one of a better kind, or when there is one of
 * the same kind that weighs less than this, both paths together. After that the way back has to be as much better again.
 *
 * @param margin a part of the present weight, from 0 to less than 1; with 0 a lighter route always wins
 * @returns µs
 */
export function worthMovingBelow(present: Route, margin: number): number {
  return (1 - margin) * present.weight;
}

/** The same paths. They change places when the second one is lighter than the first by more than the margin. */
export function lighterFirst(route: Route, margin: number): Route {
  const { first, second } = route;
  if (second === undefined || second.weight >= (1 - margin) * first.weight) return route;
  return { ...route, first: second, second: first };
}
