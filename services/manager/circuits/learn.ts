import type { PublicKey } from '../../net/keys.ts';
import { type Ends, nodesAlong } from './chain.ts';
import type { RuleBook } from './rule-book.ts';

/**
 * Whose circuit it is, by the rules that nodes have.
 *
 * @returns undefined when no rule of an end tells, or its opener has said what rules it has and none is of this circuit:
 *   then nobody wants it
 */
export function endsInBook(book: RuleBook, circuit: string): Ends | undefined {
  const claims = book.pathsOf(circuit).flatMap((path) => claimsOf(book, circuit, path));
  const isWhole = ({ path, ends }: Claim) => nodesAlong(book, { circuit, path }, ends) !== undefined;
  // A node may claim what it likes; what joins into a path was agreed to by all nodes of it.
  return (claims.find(isWhole) ?? claims[0])?.ends;
}

interface Claim {
  path: number;
  ends: Ends;
}

function claimsOf(book: RuleBook, circuit: string, path: number): Claim[] {
  return book.holdersOf({ circuit, path }).flatMap((node): Claim[] => {
    const rule = book.rule(node, { circuit, path });
    if (rule === undefined || !('next' in rule) || rule.peer === node) return [];
    if (rule.opener) return [{ path, ends: { from: node, to: rule.peer } }];
    return wants(book, rule.peer, circuit) ? [{ path, ends: { from: rule.peer, to: node } }] : [];
  });
}

function wants(book: RuleBook, opener: PublicKey, circuit: string): boolean {
  return (
    !book.knows(opener) ||
    book.pathsOf(circuit).some((path) => book.rule(opener, { circuit, path }) !== undefined)
  );
}
