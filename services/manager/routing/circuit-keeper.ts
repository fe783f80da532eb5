import type { PublicKey } from '../../net/keys.ts';
import { type Circuit, Circuits } from './circuits.ts';
import { Gains } from './gains.ts';
import type { Graph } from './graph.ts';
import { lighterFirst, worthMovingBelow } from './margin.ts';
import { isBetterKind, type Route } from './route.ts';
import type { Found, Router } from './router.ts';

/** A circuit that has another route than before. */
export interface Move {
  circuit: string;
  /** With the weights that its links have now, or had last. Undefined: it waited for one. */
  before: Route | undefined;
  /** Undefined: there is none, and it waits for one. */
  after: Route | undefined;
}

/** Keeps the routes of circuits good while links change, and computes again only those that a change concerns. */
export class CircuitKeeper {
  readonly #graph: Graph;
  readonly #router: Router;
  readonly #margin: number;
  readonly #circuits = new Circuits();
  readonly #gains: Gains;

  /** @param margin see `worthMovingBelow` */
  constructor(graph: Graph, router: Router, margin: number) {
    this.#graph = graph;
    this.#router = router;
    this.#margin = margin;
    this.#gains = new Gains(graph, router, this.#circuits, margin);
  }

  has(id: string): boolean {
    return this.#circuits.get(id) !== undefined;
  }

  /**
   * @param id of no circuit that is here
   * @param present the nodes of the paths that it has now
   * @returns its route; undefined when it waits for one
   */
  open(
    id: string,
    from: PublicKey,
    to: PublicKey,
    present: readonly (readonly PublicKey[])[],
  ): Route | undefined {
    return this.#place({ id, from, to, found: this.#router.along(present), shortest: 0 })?.route;
  }

  /** Forgets a circuit, if it is here. */
  close(id: string): void {
    this.#circuits.delete(id);
  }

  /** @returns undefined when it waits for one, or there is no such circuit */
  routeOf(id: string): Route | undefined {
    return this.#circuits.get(id)?.found?.route;
  }

  /** Removes links from the graph. @param links their numbers */
  cut(links: readonly number[]): Move[] {
    const broken = new Set(links.flatMap((link) => this.#circuits.using(link)));
    for (const link of links) this.#graph.removeLink(link);
    return Array.from(broken, (circuit) => {
      const after = this.#place({ ...circuit, found: undefined })?.route;
      return { circuit: circuit.id, before: circuit.found?.route, after };
    });
  }

  /** @param link number of one that was added to the graph */
  appeared(link: number): Move[] {
    return this.#reconsider([...this.#gains.ofBetterKind(), ...this.#gains.ofLighterLink(link)]);
  }

  /** @param link number of one whose weight fell */
  gotLighter(link: number): Move[] {
    this.#reweigh(link);
    const gaining = this.#gains.ofLighterLink(link);
    return this.#reconsider([...this.#circuits.using(link), ...gaining]);
  }

  /** @param link number of one whose weight rose */
  gotHeavier(link: number): Move[] {
    this.#reweigh(link);
    return this.#reconsider(this.#circuits.using(link));
  }

  #reweigh(link: number): void {
    for (const circuit of this.#circuits.using(link))
      this.#circuits.set({ ...circuit, found: circuit.found && this.#router.reweighed(circuit.found) });
  }

  /** Looks for better routes, and takes those that are worth it. */
  #reconsider(circuits: readonly Circuit[]): Move[] {
    const moves: Move[] = [];
    for (const id of new Set(circuits.map((circuit) => circuit.id))) {
      const circuit = this.#circuits.get(id) as Circuit;
      const before = circuit.found?.route;
      const after = this.#place(circuit)?.route;
      if (after !== before) moves.push({ circuit: id, before, after });
    }
    return moves;
  }

  /** Looks for a route that is worth taking, and otherwise leaves the circuit the one that it has. */
  #place(circuit: Circuit): Found | undefined {
    const { nodes } = this.#graph;
    const [source, target] = [nodes.indexOf(circuit.from), nodes.indexOf(circuit.to)];
    const search =
      source === undefined || target === undefined
        ? undefined
        : this.#router.search(source, target, this.#limit(circuit.found, source, target));
    const found = search?.found ?? (circuit.found && this.#kept(circuit.found));
    this.#circuits.set({ ...circuit, found, shortest: search?.shortest ?? 0 });
    return found;
  }

  /** @returns what a route has to weigh less than to be taken, µs */
  #limit(present: Found | undefined, source: number, target: number): number {
    const kind = this.#router.kindBetween(source, target);
    const isBetter = kind !== undefined && isBetterKind(kind, present?.route);
    return present === undefined || isBetter
      ? Number.POSITIVE_INFINITY
      : worthMovingBelow(present.route, this.#margin);
  }

  #kept(found: Found): Found {
    return { ...found, route: lighterFirst(found.route, this.#margin) };
  }
}
