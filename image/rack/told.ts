import { parse } from 'yaml';
import { parseAddress } from '../../services/net/address.ts';
import { parsePublicKey } from '../../services/net/keys.ts';
import { BOARD_NAME } from '../../services/net/membership.ts';
import { fail, optionalText, type Shape, shape, text, texts } from '../../services/signal/shape.ts';

/** What a board was told of its place in a rack: `/data/skyminer/mesh.yaml`. */
export interface Told {
  /** The board's name in the list of members. */
  board: string;
  /** `KEY@HOST:PORT`, or `HOST:PORT` for whoever the list makes a manager. */
  manager: string;
  /** Where the node listens, `HOST:PORT` each; others are told these addresses. */
  listen: string[];
  /** Name of the mesh, for people. */
  domain: string;
}

/** Port of a node, and of a manager, when nobody says otherwise. */
export const NODE_PORT = 5000;
export const MANAGER_PORT = 5999;

const told: Shape<Told> = shape((fields) => {
  const unknown = Object.keys(fields).find((key) => !KEYS.includes(key));
  if (unknown !== undefined) fail(unknown, `one of the keys ${KEYS.join(', ')}`);
  return {
    board: named(text(fields, 'board')),
    manager: managerOf(text(fields, 'manager')),
    listen: fields.listen === undefined ? [`0.0.0.0:${NODE_PORT}`] : listening(texts(fields, 'listen')),
    domain: optionalText(fields, 'domain') ?? 'rack.mesh',
  };
});

const KEYS: readonly string[] = ['board', 'manager', 'listen', 'domain'];

/** @throws {ShapeError}, `InvalidKey` or `AddressError` when it says something else */
export function parseTold(yaml: string): Told {
  return told.parse(parse(yaml));
}

function named(board: string): string {
  return BOARD_NAME.test(board) ? board : fail('board', 'lower-case letters, digits and dashes');
}

function managerOf(given: string): string {
  const at = given.indexOf('@');
  if (at !== -1) parsePublicKey(given.slice(0, at));
  parseAddress(given.slice(at + 1));
  return given;
}

function listening(addresses: string[]): string[] {
  if (addresses.length === 0) fail('listen', 'at least one address');
  for (const address of addresses) parseAddress(address);
  return addresses;
}
