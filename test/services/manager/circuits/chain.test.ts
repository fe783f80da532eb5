import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nodesAlong } from '../../../../services/manager/circuits/chain.ts';
import { endsInBook } from '../../../../services/manager/circuits/learn.ts';
import { rulesAlong } from '../../../../services/manager/circuits/plan.ts';
import { RuleBook } from '../../../../services/manager/circuits/rule-book.ts';
import { endsOf, type Rule } from '../../../../services/net/control/rules.ts';
import type { PublicKey } from '../../../../services/net/keys.ts';
import { keyOf } from '../routing/mesh.ts';

const circuit = 'c'.repeat(32);
const name = { circuit, path: 3 };
const pathOfNodes = fc
  .shuffledSubarray([0, 1, 2, 3, 4, 5, 6, 7], { minLength: 2 })
  .map((nodes) => nodes.map(keyOf));

function bookWith(nodes: readonly PublicKey[]): { book: RuleBook; rules: (readonly [PublicKey, Rule])[] } {
  const book = new RuleBook();
  const rules = rulesAlong(name, { nodes, weight: 1 }, (one, other) => book.freeLabel(one, other));
  for (const [node, rule] of rules) book.replace(node, [rule]);
  return { book, rules };
}

const endsOfPath = (nodes: readonly PublicKey[]) => ({
  from: nodes[0] as PublicKey,
  to: nodes.at(-1) as PublicKey,
});

describe('the rules of a path', () => {
  it('join into that path, and say whose circuit it is', () => {
    fc.assert(
      fc.property(pathOfNodes, (nodes) => {
        const { book } = bookWith(nodes);
        expect(nodesAlong(book, name, endsOfPath(nodes))).toEqual(nodes);
        expect(endsInBook(book, circuit)).toEqual(endsOfPath(nodes));
      }),
    );
  });

  it('join into none when one of them is missing, or has another label', () => {
    fc.assert(
      fc.property(pathOfNodes, fc.nat(), fc.boolean(), (nodes, at, isMissing) => {
        const { book, rules } = bookWith(nodes);
        const [node, rule] = rules[at % rules.length] as readonly [PublicKey, Rule];
        const [end] = endsOf(rule);
        if (isMissing || end === undefined) book.delete(node, name);
        else book.add(node, withLabel(rule, end.label === 1 ? 2 : 1));
        expect(nodesAlong(book, name, endsOfPath(nodes))).toBeUndefined();
      }),
    );
  });

  it('join into it also when an end has not said yet what it has', () => {
    fc.assert(
      fc.property(pathOfNodes, fc.boolean(), (nodes, isOpener) => {
        const { book } = bookWith(nodes);
        const { from, to } = endsOfPath(nodes);
        book.forget(isOpener ? from : to);
        expect(nodesAlong(book, name, { from, to })).toEqual(nodes);
        expect(endsInBook(book, circuit)).toEqual({ from, to });
      }),
    );
  });

  it('are of no circuit when the opener has none of them', () => {
    const nodes = [0, 1, 2].map(keyOf);
    const { book } = bookWith(nodes);
    book.replace(keyOf(0), []);
    expect(endsInBook(book, circuit)).toBeUndefined();
  });

  it('are followed to an end whatever nodes claim', () => {
    const node = fc.nat(3).map(keyOf);
    const end = fc.record({ neighbour: node, label: fc.integer({ min: 1, max: 2 }) });
    const rule: fc.Arbitrary<Rule> = fc.oneof(
      fc.record({ circuit: fc.constant(circuit), path: fc.constant(3), left: end, right: end }),
      fc.record({
        ...{ circuit: fc.constant(circuit), path: fc.constant(3), peer: node, opener: fc.boolean() },
        ...{ weight: fc.constant(1), next: end },
      }),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(node, rule), { maxLength: 8 }), (claims) => {
        const book = new RuleBook();
        for (const [holder, claim] of claims) book.replace(holder, [claim]);
        const ends = endsInBook(book, circuit);
        const nodes = ends && nodesAlong(book, name, ends);
        if (nodes) expect([nodes[0], nodes.at(-1)]).toEqual([ends.from, ends.to]);
      }),
      { numRuns: 5_000 },
    );
  });
});

describe('the book of rules', () => {
  it('tells of which circuits a node has not what was known', () => {
    const { book, rules } = bookWith([0, 1, 2].map(keyOf));
    const [node, rule] = rules[1] as readonly [PublicKey, Rule];
    expect(book.replace(node, [rule])).toEqual(new Set());
    expect(book.replace(node, [])).toEqual(new Set([circuit]));
    expect(book.replace(node, [{ ...rule, circuit: 'd'.repeat(32) }])).toEqual(new Set(['d'.repeat(32)]));
    expect(book.pathsOf(circuit)).toEqual([3]);
    expect(book.holdersOf(name)).toEqual([keyOf(0), keyOf(2)]);
  });

  it('forgets circuits, paths and labels with their last rule', () => {
    const { book } = bookWith([0, 1].map(keyOf));
    for (const node of [0, 1].map(keyOf)) book.delete(node, name);
    expect(book.circuits()).toEqual([]);
    expect(book.pathsOf(circuit)).toEqual([]);
    expect(book.knows(keyOf(0))).toBe(true);
  });
});

function withLabel(rule: Rule, label: number): Rule {
  return 'next' in rule
    ? { ...rule, next: { ...rule.next, label } }
    : { ...rule, left: { ...rule.left, label } };
}
