import { controlError } from '../../net/control/messages.ts';
import type { Rule } from '../../net/control/rules.ts';
import type { PublicKey } from '../../net/keys.ts';
import { RpcError } from '../../signal/jsonrpc.ts';
import type { Path } from '../routing/route.ts';
import type { Circuit } from './circuit.ts';
import { rulesAlong } from './plan.ts';
import type { RuleBook } from './rule-book.ts';
import type { RuleSender } from './rule-sender.ts';

export interface Installed {
  /** The numbers that the paths got, also when they are not in place. */
  numbers: number[];
  /** Nodes that did not take their rules; none: the paths are in place. */
  silent: PublicKey[];
  /** A label was in use that nobody knew of: others may do. */
  conflict: boolean;
}

/**
 * Puts paths of a circuit in place: first on relays and the far end, at the same time, then on the opener, which so uses
 * none of them before all of it is there.
 *
 * @param isOpen asked between the two: the circuit may have been closed
 */
export async function install(
  book: RuleBook,
  sender: RuleSender,
  circuit: Circuit,
  paths: readonly Path[],
  isOpen: () => boolean,
): Promise<Installed> {
  const numbers: number[] = [];
  const byNode = new Map<PublicKey, Rule[]>();
  for (const path of paths) {
    const number = circuit.takeNumber();
    numbers.push(number);
    const rules = rulesAlong({ circuit: circuit.id, path: number }, path, (one, other) =>
      book.freeLabel(one, other),
    );
    for (const [node, rule] of rules) byNode.set(node, [...(byNode.get(node) ?? []), rule]);
  }
  const add = async (nodes: readonly PublicKey[]) => {
    const results = await Promise.allSettled(nodes.map((node) => sender.add(node, byNode.get(node) ?? [])));
    const errors = results.map((result) => (result.status === 'rejected' ? result.reason : undefined));
    return {
      silent: nodes.filter((_, at) => errors[at] !== undefined && !isConflict(errors[at])),
      conflict: errors.some(isConflict),
    };
  };
  const first = await add([...byNode.keys()].filter((node) => node !== circuit.from));
  if (first.conflict || first.silent.length > 0 || !isOpen()) return { numbers, ...first };
  return { numbers, ...(await add([circuit.from])) };
}

function isConflict(error: unknown): boolean {
  return error instanceof RpcError && error.code === controlError.ruleConflict;
}
