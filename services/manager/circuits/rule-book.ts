import { randomInt } from 'node:crypto';
import { endsOf, maxLabel, type Rule } from '../../net/control/rules.ts';
import type { PublicKey } from '../../net/keys.ts';

export interface PathName {
  circuit: string;
  path: number;
}

/**
 * Which rules are in force on which nodes: what the nodes have said, what they were given since, and what was asked of
 * them and not answered. So it may hold more than is in force, never less; labels in it are not free.
 */
export class RuleBook {
  readonly #byNode = new Map<PublicKey, Map<string, Rule>>();
  readonly #byCircuit = new Map<string, Map<number, Set<PublicKey>>>();
  /** By node, then by neighbour: the labels that are in use there. */
  readonly #labels = new Map<PublicKey, Map<PublicKey, Set<number>>>();

  /** Whether a node has said what rules it has. */
  knows(node: PublicKey): boolean {
    return this.#byNode.has(node);
  }

  circuits(): string[] {
    return [...this.#byCircuit.keys()];
  }

  /** @returns the numbers of the paths of a circuit of which there is at least one rule, the lowest first */
  pathsOf(circuit: string): number[] {
    return [...(this.#byCircuit.get(circuit)?.keys() ?? [])].sort((a, b) => a - b);
  }

  /** @returns the nodes with a rule of this path */
  holdersOf({ circuit, path }: PathName): PublicKey[] {
    return [...(this.#byCircuit.get(circuit)?.get(path) ?? [])];
  }

  rule(node: PublicKey, path: PathName): Rule | undefined {
    return this.#byNode.get(node)?.get(nameOf(path));
  }

  rulesOf(node: PublicKey): Rule[] {
    return [...(this.#byNode.get(node)?.values() ?? [])];
  }

  /** A node says what it has. @returns the circuits of which it has not what was known */
  replace(node: PublicKey, rules: readonly Rule[]): Set<string> {
    const before = this.#byNode.get(node) ?? new Map<string, Rule>();
    const now = new Map(rules.map((rule) => [nameOf(rule), rule]));
    const changed = new Set<string>();
    for (const [name, rule] of before) if (!isSame(rule, now.get(name))) changed.add(rule.circuit);
    for (const [name, rule] of now) if (!isSame(rule, before.get(name))) changed.add(rule.circuit);
    this.forget(node);
    this.#byNode.set(node, new Map());
    for (const rule of now.values()) this.add(node, rule);
    return changed;
  }

  add(node: PublicKey, rule: Rule): void {
    this.delete(node, rule);
    mapIn(this.#byNode, node).set(nameOf(rule), rule);
    const paths = mapIn(this.#byCircuit, rule.circuit);
    const holders = paths.get(rule.path) ?? new Set();
    paths.set(rule.path, holders.add(node));
    for (const { neighbour, label } of endsOf(rule)) {
      const labels = mapIn(this.#labels, node);
      labels.set(neighbour, (labels.get(neighbour) ?? new Set()).add(label));
    }
  }

  delete(node: PublicKey, path: PathName): void {
    const rule = this.rule(node, path);
    if (rule === undefined) return;
    this.#byNode.get(node)?.delete(nameOf(path));
    const paths = this.#byCircuit.get(path.circuit);
    const holders = paths?.get(path.path);
    holders?.delete(node);
    if (holders?.size === 0) paths?.delete(path.path);
    if (paths?.size === 0) this.#byCircuit.delete(path.circuit);
    for (const { neighbour, label } of endsOf(rule)) this.#labels.get(node)?.get(neighbour)?.delete(label);
  }

  /** Drops all that is known of a node. */
  forget(node: PublicKey): void {
    for (const rule of this.rulesOf(node)) this.delete(node, rule);
    this.#byNode.delete(node);
    this.#labels.delete(node);
  }

  /** @returns a label that is free at both ends of a link; in no order, so that one is not given again soon */
  freeLabel(one: PublicKey, other: PublicKey): number {
    const [here, there] = [this.#labels.get(one)?.get(other), this.#labels.get(other)?.get(one)];
    for (;;) {
      const label = randomInt(1, maxLabel + 1);
      if (!here?.has(label) && !there?.has(label)) return label;
    }
  }
}

function nameOf({ circuit, path }: PathName): string {
  return `${circuit}/${path}`;
}

function isSame(one: Rule, other: Rule | undefined): boolean {
  if (other === undefined || 'next' in one !== 'next' in other) return false;
  if ('next' in one && 'next' in other && (one.peer !== other.peer || one.opener !== other.opener))
    return false;
  const [ends, others] = [endsOf(one), endsOf(other)];
  return ends.every(
    ({ neighbour, label }, at) => neighbour === others[at]?.neighbour && label === others[at]?.label,
  );
}

function mapIn<K, A, B>(maps: Map<K, Map<A, B>>, key: K): Map<A, B> {
  const found = maps.get(key);
  if (found) return found;
  const made = new Map<A, B>();
  maps.set(key, made);
  return made;
}
