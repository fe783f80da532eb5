import { limits } from '../net/control/messages.ts';
import { keyOf } from '../net/control/rules.ts';
import type { ShownMembers } from '../net/control/shown.ts';
import { type Member, ROLES } from '../net/membership.ts';
import { flag, integer, list, shape, text, texts } from '../signal/shape.ts';
import { askNode } from './show.ts';

/** Served by a node to whoever looks at it: docs/protocol.md, section 7. */
export const membersMethods = {
  /** → {@link ShownMembers}. */
  show: 'members.show',
  /** The signed text → whether it was newer. */
  take: 'members.set',
} as const;

/** The list of members that is in force at a node. @throws as {@link askNode} */
export function showMembers(node: string): Promise<ShownMembers> {
  return askNode(node, membersMethods.show, {}, shownMembersShape);
}

/**
 * Hands a signed list to a node, which takes it over if it is newer and passes it on to the whole mesh.
 *
 * @returns whether it was newer
 * @throws as {@link askNode}; an RpcError when it is no list of the node's rack
 */
export function offerMembers(node: string, members: string): Promise<boolean> {
  return askNode(node, membersMethods.take, { members }, takenShape);
}

const takenShape = { parse: (value: unknown) => shape((fields) => flag(fields, 'taken')).parse(value) };

const memberShape = shape(
  (fields): Member => ({
    board: text(fields, 'board', limits.nameLength),
    key: keyOf(fields, 'key'),
    roles: ROLES.filter((role) => texts(fields, 'roles').includes(role)),
  }),
);

const shownMembersShape = shape(
  (fields): ShownMembers => ({
    rack: fields.rack === null ? null : keyOf(fields, 'rack'),
    number: integer(fields, 'number', 0),
    members: list(fields, 'members').map(memberShape.parse),
    key: keyOf(fields, 'key'),
  }),
);
