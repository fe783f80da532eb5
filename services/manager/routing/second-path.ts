import type { Graph } from './graph.ts';
import { type Residual, ResidualBall } from './residual-ball.ts';
import type { Kind } from './route.ts';
import type { ShortestPath } from './shortest-path.ts';

/**
 * Finds the second of two disjoint paths by augmentation: a shortest path in the residual graph of the first one.
 * Reduced weights are 0 or more, so that Dijkstra's search works (Suurballe & Tarjan, A quick method for finding
 * shortest pairs of disjoint paths, Networks 14, 1984; node splitting: Bhandari, Survivable Networks, 1999). It grows
 * from both ends, as the search for the first path does.
 */
export class SecondPathSearch {
  readonly #aroundSource = new ResidualBall();
  readonly #aroundTarget = new ResidualBall();

  /**
   * @param kind of the route that there is between the ends of the first path
   * @param below what both paths together have to weigh less than, µs
   * @returns indexes of nodes; steps back along the first path take its links away. Undefined when the two weigh more
   */
  find(
    graph: Graph,
    { path, weight, atLeastToTarget }: ShortestPath,
    kind: Exclude<Kind, 'single'>,
    below: number,
  ): number[] | undefined {
    const splits = kind === 'node-disjoint';
    const forward: Residual = { graph, splits, path, potential: atLeastToTarget };
    const backward = {
      ...forward,
      path: path.toReversed(),
      potential: (node: number) => -atLeastToTarget(node),
    };
    const [here, there] = [this.#aroundSource, this.#aroundTarget];
    here.start(forward);
    there.start(backward);
    // Reduced, the second path weighs so much less.
    let cost = below - 2 * weight;
    let meeting: number | undefined;
    // A path that costs less would have been found: it would have to leave one ball and enter the other.
    while (here.radius + there.radius < cost) {
      const isHere = here.frontier <= there.frontier;
      const settled = isHere ? here.settle(forward) : there.settle(backward);
      const mirrored = here.mirrored(settled, forward);
      const [state, stateThere] = isHere ? [settled, mirrored] : [mirrored, settled];
      const through = (here.costs[state] as number) + (there.costs[stateThere] as number);
      if (through >= cost) continue;
      cost = through;
      meeting = state;
    }
    if (meeting === undefined) return undefined;
    const rest = there.pathTo(here.mirrored(meeting, forward), backward).reverse();
    return withoutRepeats([...here.pathTo(meeting, forward), ...rest]);
  }
}

/** The node where the two met is there twice in a row, and so is one that was passed in both its states. */
function withoutRepeats(path: readonly number[]): number[] {
  return path.filter((node, place) => node !== path[place - 1]);
}
