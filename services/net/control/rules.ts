import { type Fields, fail, flag, integer, number, object, shape, text } from '../../signal/shape.ts';
import { type PublicKey, parsePublicKey } from '../keys.ts';

/** One side of a rule: a neighbour, and the label that frames of the path bear on the link with it. */
export interface End {
  neighbour: PublicKey;
  /** From 1 to 2^32 − 1. */
  label: number;
}

interface OfPath {
  /** 32 hex digits, chosen by the node that opened the circuit. */
  circuit: string;
  /** Counts up within its circuit. */
  path: number;
}

/** What comes from one side goes out at the other. */
export interface RelayRule extends OfPath {
  left: End;
  right: End;
}

/** The path ends here. */
export interface EndRule extends OfPath {
  /** The node at the other end. */
  peer: PublicKey;
  /** This node opened the circuit. */
  opener: boolean;
  /** Microseconds that the manager expects a packet and its answer to take; the lighter path is the better one. */
  weight: number;
  next: End;
}

export type Rule = RelayRule | EndRule;

export const maxLabel = 2 ** 32 - 1;

/** The sides of a rule: two of a relay, one of an end. */
export function endsOf(rule: Rule): End[] {
  return 'next' in rule ? [rule.next] : [rule.left, rule.right];
}

/** A rule as the manager sends it. */
export const ruleShape = shape((fields): Rule => {
  const path = { circuit: circuitOf(fields), path: integer(fields, 'path', 0) };
  if (fields.next === undefined)
    return { ...path, left: endOf(fields, 'left'), right: endOf(fields, 'right') };
  return {
    ...path,
    peer: keyOf(fields, 'peer'),
    opener: flag(fields, 'opener'),
    weight: number(fields, 'weight'),
    next: endOf(fields, 'next'),
  };
});

/** Names a path, or with its circuit alone a circuit. */
export const pathShape = shape((fields) => ({
  circuit: circuitOf(fields),
  path: integer(fields, 'path', 0),
}));

/** @throws {ShapeError} */
export function circuitOf(fields: Fields): string {
  const circuit = text(fields, 'circuit', 32);
  return /^[0-9a-f]{32}$/.test(circuit) ? circuit : fail('circuit', '32 hex digits');
}

/** @throws {ShapeError} */
export function keyOf(fields: Fields, field: string): PublicKey {
  try {
    return parsePublicKey(text(fields, field, 64));
  } catch {
    return fail(field, 'a key of 64 hex digits');
  }
}

function endOf(fields: Fields, field: string): End {
  const end = object(fields, field);
  const label = integer(end, 'label', 1);
  if (label > maxLabel) fail(`${field}.label`, `at most ${maxLabel}`);
  return { neighbour: keyOf(end, 'neighbour'), label };
}
