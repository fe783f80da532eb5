import type { PublicKey } from '../../net/keys.ts';
import type { Found } from './router.ts';

/** Two nodes that want a route, and what was found for them. */
export interface Circuit {
  readonly id: string;
  /** Keys of the nodes at its ends. They may have left. */
  readonly from: PublicKey;
  readonly to: PublicKey;
  /** Undefined: it waits for a route. */
  readonly found: Found | undefined;
  /** While it has a route, no path between its ends is lighter than this, µs. */
  readonly shortest: number;
}

/** All circuits, by their ids and by the links that they use. */
export class Circuits {
  readonly #circuits = new Map<string, Circuit>();
  readonly #users = new Map<number, Set<string>>();

  get(id: string): Circuit | undefined {
    return this.#circuits.get(id);
  }

  values(): Iterable<Circuit> {
    return this.#circuits.values();
  }

  /** @param link number of a link @returns those with a path over it */
  using(link: number): Circuit[] {
    return Array.from(this.#users.get(link) ?? [], (id) => this.#circuits.get(id) as Circuit);
  }

  /** Adds a circuit, or replaces the one with its id. */
  set(circuit: Circuit): void {
    const before = this.#circuits.get(circuit.id);
    this.#circuits.set(circuit.id, circuit);
    if (before?.found?.links === circuit.found?.links) return;
    if (before) this.#unlist(before);
    for (const link of circuit.found?.links ?? []) {
      const users = this.#users.get(link);
      if (users) users.add(circuit.id);
      else this.#users.set(link, new Set([circuit.id]));
    }
  }

  /** Removes a circuit, if it is here. */
  delete(id: string): void {
    const circuit = this.#circuits.get(id);
    if (circuit === undefined) return;
    this.#circuits.delete(id);
    this.#unlist(circuit);
  }

  #unlist({ id, found }: Circuit): void {
    for (const link of found?.links ?? []) {
      const users = this.#users.get(link);
      users?.delete(id);
      if (users?.size === 0) this.#users.delete(link);
    }
  }
}
