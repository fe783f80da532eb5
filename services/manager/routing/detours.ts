import { Ball } from './ball.ts';
import type { Graph } from './graph.ts';

/** Two nodes, given by index, and a weight: is there a path between them, over a certain link, that is lighter? */
export interface Question {
  source: number;
  target: number;
  /** Weights of their lightest links, µs. */
  sourceLink: number;
  targetLink: number;
  /** µs. */
  below: number;
}

/** How far the balls grow at first, as a part of the mean of the weights asked for, and how much farther each time. */
const FIRST_PART = 0.3;
const GROWTH = 1.15;
/** So few questions may stay open: to search for a few routes in vain costs less than to let the balls grow. */
const FEW = 32;

/**
 * Answers for many pairs of nodes at once how light a path over one link can be: that depends on how far both nodes are
 * from the ends of the link. Two balls around these ends grow until nearly all questions are answered. Most are early,
 * since a node that is not in a ball yet is at least as far away as the radius.
 */
export class Detours {
  readonly #aroundOne = new Ball();
  readonly #aroundOther = new Ball();

  /**
   * @param link its number
   * @returns the questions to which the answer is yes, or may be, each with a weight: no such path is lighter
   */
  overLink<Asked extends Question>(
    graph: Graph,
    link: number,
    questions: readonly Asked[],
  ): (readonly [Asked, weight: number])[] {
    const [one, other] = graph.endsOf(link);
    const weight = graph.weights[link] as number;
    this.#aroundOne.start(graph, one);
    this.#aroundOther.start(graph, other);
    const answers: (readonly [Asked, number])[] = [];
    const mean = questions.reduce((sum, { below }) => sum + below, 0) / questions.length;
    let open = questions;
    for (let radius = FIRST_PART * mean; open.length > FEW; radius *= GROWTH) {
      this.#aroundOne.growTo(graph, radius);
      this.#aroundOther.growTo(graph, radius);
      open = open.filter((question) => {
        const atLeast = weight + this.#atLeast(question);
        const isOpen = atLeast < question.below && atLeast < weight + this.#atMost(question);
        if (!isOpen && atLeast < question.below) answers.push([question, atLeast]);
        return isOpen;
      });
    }
    for (const question of open) answers.push([question, weight + this.#atLeast(question)]);
    return answers;
  }

  /** Distances of both nodes from the link, as far as they are known. */
  #atLeast({ source, target, sourceLink, targetLink }: Question): number {
    const [one, other] = [this.#aroundOne, this.#aroundOther];
    return Math.min(
      one.atLeast(source, sourceLink) + other.atLeast(target, targetLink),
      one.atLeast(target, targetLink) + other.atLeast(source, sourceLink),
    );
  }

  #atMost({ source, target }: Question): number {
    const [one, other] = [this.#aroundOne.distances, this.#aroundOther.distances];
    return Math.min(
      (one[source] as number) + (other[target] as number),
      (one[target] as number) + (other[source] as number),
    );
  }
}
