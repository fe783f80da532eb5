import type { PublicKey } from '../../net/keys.ts';
import { CircuitKeeper, type Move } from './circuit-keeper.ts';
import { InvalidCircuit, InvalidReport, UnknownNode } from './errors.ts';
import { Graph } from './graph.ts';
import { Reports } from './reports.ts';
import type { Route } from './route.ts';
import { Router } from './router.ts';
import { type Figures, problemWith, withHysteresis } from './weight.ts';

export interface RoutingOptions {
  /** The part by which a link's measured weight must differ to count, see `withHysteresis`. Default 0.25. */
  band?: number;
  /** The part by which another route must be lighter to be taken, see `worthMovingBelow`. Default 0.2. */
  margin?: number;
}

/**
 * The mesh as the manager knows it, and the routes of its circuits. All in memory; every answer is there when a call
 * returns. A call that throws has changed nothing.
 *
 * INVARIANT: a circuit's route is of the best kind that there is, and none of that kind is lighter by more than the
 * margin, in the weights in force.
 */
export class Routing {
  readonly #band: number;
  readonly #reports = new Reports();
  readonly #graph = new Graph();
  readonly #router = new Router(this.#graph);
  readonly #circuits: CircuitKeeper;

  constructor({ band = 0.25, margin = 0.2 }: RoutingOptions = {}) {
    this.#band = band;
    this.#circuits = new CircuitKeeper(this.#graph, this.#router, margin);
  }

  /** Adds a node without links, if it is not here. */
  addNode(key: PublicKey): void {
    if (this.#graph.nodes.indexOf(key) === undefined) this.#graph.addNode(key);
  }

  /**
   * Removes a node, its links and all reports of them. Its circuits wait for it to come back.
   *
   * @throws {UnknownNode}
   */
  removeNode(key: PublicKey): Move[] {
    const node = this.#known(key);
    this.#reports.forget(key);
    const moves = this.#circuits.cut(this.#graph.linksOf(node));
    this.#graph.removeNode(node);
    return moves;
  }

  /**
   * Takes in what a node measured of its link to a neighbour. The link counts as soon as both ends report it.
   *
   * @throws {UnknownNode} @throws {InvalidReport}
   */
  report(reporter: PublicKey, neighbour: PublicKey, figures: Figures): Move[] {
    this.#checkEnds(reporter, neighbour);
    const problem = problemWith(figures);
    if (problem !== undefined)
      throw new InvalidReport(`node ${reporter} reports of its link to ${neighbour} ${problem}`);
    this.#reports.set(reporter, neighbour, figures);
    return this.#remeasure(reporter, neighbour);
  }

  /**
   * A node has a link no more, whatever the other end says.
   *
   * @throws {UnknownNode} @throws {InvalidReport}
   */
  withdraw(reporter: PublicKey, neighbour: PublicKey): Move[] {
    this.#checkEnds(reporter, neighbour);
    this.#reports.delete(reporter, neighbour);
    return this.#remeasure(reporter, neighbour);
  }

  /**
   * Two paths that share no relay where two such exist, else two that share no link; in both cases those with the
   * least weight together. Else the best path.
   *
   * @param without no relays of it; those that are not here are ignored
   * @returns undefined when there is no path
   * @throws {UnknownNode} @throws {InvalidCircuit} when both are the same node
   */
  pair(from: PublicKey, to: PublicKey, without: Iterable<PublicKey> = []): Route | undefined {
    const [source, target] = this.#differentEnds(from, to);
    const avoided = Array.from(without, (key) => this.#graph.nodes.indexOf(key) ?? source);
    const relays = avoided.filter((index) => index !== source && index !== target);
    const search = () => this.#router.search(source, target)?.found?.route;
    return relays.length === 0 ? search() : this.#graph.without(relays, search);
  }

  /**
   * Adds a circuit and keeps its route as good as {@link Routing} says.
   *
   * @param id of no circuit that is here
   * @param present the nodes of the one or two paths that it has now; it leaves them only for what is worth it
   * @returns its route; undefined when there is none yet
   * @throws {UnknownNode} @throws {InvalidCircuit} when both are the same node, or the id is taken
   */
  open(
    id: string,
    from: PublicKey,
    to: PublicKey,
    present: readonly (readonly PublicKey[])[] = [],
  ): Route | undefined {
    this.#differentEnds(from, to);
    if (this.#circuits.has(id)) throw new InvalidCircuit(`there is a circuit ${id} already`);
    return this.#circuits.open(id, from, to, present);
  }

  /** Forgets a circuit, if it is here. */
  close(id: string): void {
    this.#circuits.close(id);
  }

  /** @returns undefined when it waits for one, or there is no such circuit */
  routeOf(id: string): Route | undefined {
    return this.#circuits.routeOf(id);
  }

  /** @returns the weight in force, µs; undefined when there is no link between them */
  linkWeight(one: PublicKey, other: PublicKey): number | undefined {
    const { nodes } = this.#graph;
    const [first, second] = [nodes.indexOf(one), nodes.indexOf(other)];
    if (first === undefined || second === undefined) return undefined;
    const link = this.#graph.linkBetween(first, second);
    return link === undefined ? undefined : this.#graph.weights[link];
  }

  /** @returns the nodes that it has links with; none for one that is not here */
  neighboursOf(key: PublicKey): PublicKey[] {
    const { nodes } = this.#graph;
    const index = nodes.indexOf(key);
    if (index === undefined) return [];
    return this.#graph.linksOf(index).map((link) => {
      const [one, other] = this.#graph.endsOf(link);
      return nodes.keyOf(one === index ? other : one);
    });
  }

  #known(key: PublicKey): number {
    const index = this.#graph.nodes.indexOf(key);
    if (index === undefined) throw new UnknownNode(key);
    return index;
  }

  #checkEnds(reporter: PublicKey, neighbour: PublicKey): void {
    this.#known(reporter);
    this.#known(neighbour);
    if (reporter === neighbour) throw new InvalidReport(`node ${reporter} reports a link to itself`);
  }

  #differentEnds(from: PublicKey, to: PublicKey): [number, number] {
    const ends: [number, number] = [this.#known(from), this.#known(to)];
    if (from === to) throw new InvalidCircuit(`a circuit from node ${from} to itself`);
    return ends;
  }

  /** Brings the link between two nodes to what is reported of it. */
  #remeasure(one: PublicKey, other: PublicKey): Move[] {
    const ends = [this.#known(one), this.#known(other)] as const;
    const link = this.#graph.linkBetween(...ends);
    const measured = this.#reports.weightBetween(one, other);
    if (measured === undefined) return link === undefined ? [] : this.#circuits.cut([link]);
    if (link === undefined) return this.#circuits.appeared(this.#graph.addLink(...ends, measured));
    const inForce = this.#graph.weights[link] as number;
    const weight = withHysteresis(inForce, measured, this.#band);
    if (weight === inForce) return [];
    this.#graph.setWeight(link, weight);
    return weight < inForce ? this.#circuits.gotLighter(link) : this.#circuits.gotHeavier(link);
  }
}
