import type { End, RelayRule } from '../../net/control/rules.ts';
import type { PublicKey } from '../../net/keys.ts';
import type { PathName, RuleBook } from './rule-book.ts';

/** Two ends of a circuit. */
export interface Ends {
  /** Opened it. */
  from: PublicKey;
  to: PublicKey;
}

/**
 * Follows a path from rule to rule.
 *
 * @returns its nodes, from the opener on; undefined when the rules do not join into a path between these ends. An end
 *   that has not said yet what rules it has is taken to have the right one.
 */
export function nodesAlong(book: RuleBook, path: PathName, { from, to }: Ends): PublicKey[] | undefined {
  return walk(book, path, from, to, true) ?? walk(book, path, to, from, false)?.reverse();
}

function walk(
  book: RuleBook,
  path: PathName,
  start: PublicKey,
  end: PublicKey,
  fromOpener: boolean,
): PublicKey[] | undefined {
  const first = book.rule(start, path);
  if (first === undefined || !('next' in first)) return undefined;
  if (first.peer !== end || first.opener !== fromOpener) return undefined;
  const nodes = [start];
  let side = first.next;
  for (;;) {
    const [before, node] = [nodes.at(-1) as PublicKey, side.neighbour];
    if (nodes.includes(node)) return undefined;
    nodes.push(node);
    if (node === end && !book.knows(end)) return nodes;
    const rule = book.rule(node, path);
    if (rule === undefined) return undefined;
    const back = { neighbour: before, label: side.label };
    if ('next' in rule) {
      const fits =
        node === end && rule.peer === start && rule.opener !== fromOpener && isEnd(rule.next, back);
      return fits ? nodes : undefined;
    }
    const onwards = otherSide(rule, back);
    if (onwards === undefined) return undefined;
    side = onwards;
  }
}

function otherSide({ left, right }: RelayRule, end: End): End | undefined {
  if (isEnd(left, end)) return right;
  return isEnd(right, end) ? left : undefined;
}

function isEnd(one: End, other: End): boolean {
  return one.neighbour === other.neighbour && one.label === other.label;
}
