import type { Circuit, Circuits } from './circuits.ts';
import { Detours, type Question } from './detours.ts';
import type { Graph } from './graph.ts';
import { worthMovingBelow } from './margin.ts';
import { isBetterKind } from './route.ts';
import type { Router } from './router.ts';

/** What is asked for a circuit: its route gains only by a path over the link that is lighter than the limit, µs. */
interface Asked extends Question {
  circuit: Circuit;
  limit: number;
}

/**
 * Finds the few circuits that a better link may be worth moving for, so that only those are computed again.
 *
 * INVARIANT: `shortest` of every circuit that has a route is a lower bound. What else happens to links makes no path
 * lighter.
 */
export class Gains {
  readonly #graph: Graph;
  readonly #router: Router;
  readonly #circuits: Circuits;
  readonly #margin: number;
  readonly #detours = new Detours();

  /** @param margin see `worthMovingBelow` */
  constructor(graph: Graph, router: Router, circuits: Circuits, margin: number) {
    this.#graph = graph;
    this.#router = router;
    this.#circuits = circuits;
    this.#margin = margin;
  }

  /** To be asked once after each link that appeared or became lighter. @param link its number */
  ofLighterLink(link: number): Circuit[] {
    const gaining: Circuit[] = [];
    for (const [{ circuit, limit }, weight] of this.#detours.overLink(this.#graph, link, this.#questions())) {
      if (weight < limit) gaining.push(circuit);
      if (weight < circuit.shortest) this.#circuits.set({ ...circuit, shortest: weight });
    }
    return gaining;
  }

  /** Those for which there is a route now, or one of a better kind: to be asked after a link appeared. */
  ofBetterKind(): Circuit[] {
    return Array.from(this.#circuits.values()).filter(({ from, to, found }) => {
      if (found?.route.kind === 'node-disjoint') return false;
      const { nodes } = this.#graph;
      const [source, target] = [nodes.indexOf(from), nodes.indexOf(to)];
      if (source === undefined || target === undefined) return false;
      const kind = this.#router.kindBetween(source, target);
      return kind !== undefined && isBetterKind(kind, found?.route);
    });
  }

  #questions(): Asked[] {
    const questions: Asked[] = [];
    for (const circuit of this.#circuits.values()) {
      const { found, shortest } = circuit;
      if (found === undefined) continue;
      const { source, target, route } = found;
      const [sourceLink, secondSourceLink] = this.#graph.lightestLinks(source);
      const [targetLink, secondTargetLink] = this.#graph.lightestLinks(target);
      const below = worthMovingBelow(route, this.#margin);
      const heavier = Math.max(secondSourceLink, secondTargetLink);
      const limit = route.second ? limitForOne(below, shortest, heavier) : below;
      const ends = { source, target, sourceLink, targetLink };
      questions.push({ ...ends, circuit, limit, below: Math.max(shortest, limit) });
    }
    return questions;
  }
}

/**
 * One path of a pair weighs at least `one`, and the other one, which does not share its links, at least `shortest`. At
 * an end that has one light link, one of the two has to take another one, and so weighs at least `heavier`.
 *
 * @returns for the pair to weigh less than `below`, `one` has to be less than this
 */
function limitForOne(below: number, shortest: number, heavier: number): number {
  return below - (shortest + heavier < below ? shortest : Math.max(shortest, heavier));
}
