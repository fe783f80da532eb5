import {
  type Identity,
  InvalidKey,
  isSignedBy,
  type PublicKey,
  parsePublicKey,
  SIGNATURE_BYTES,
} from './keys.ts';

/** What a board may do in its rack. */
export const ROLES = ['node', 'manager', 'apptracker', 'gateway'] as const;
export type Role = (typeof ROLES)[number];

export interface Member {
  /** The board's name: a host name, unique in its rack. */
  board: string;
  /** Its identity, unique in its rack. */
  key: PublicKey;
  /** In the order of {@link ROLES}, each once. */
  roles: readonly Role[];
}

/** Who belongs to a rack. */
export interface Membership {
  /** The rack's own key, which signs. */
  rack: PublicKey;
  /** Counts the lists of this rack: a board never goes back to a lower one. */
  number: number;
  /** By name. */
  members: readonly Member[];
}

/** A text that is no list of members, or not one signed by the rack it should be. Says which line is wrong. */
export class InvalidMembership extends Error {
  override readonly name = 'InvalidMembership';
}

/** Far more than boards in the largest rack; a list is read whole. */
export const MAX_MEMBERS = 10_000;
/** Longest list, in bytes. */
export const MAX_LIST_BYTES = 200 * MAX_MEMBERS;
const FIRST_LINE = 'skyminer/membership/v1';
/** Of a host name's label (RFC 1123), lower case. */
export const BOARD_NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * Writes a list and signs it. The text is what is signed, byte for byte, so nobody has to agree on how to write it:
 *
 *     skyminer/membership/v1
 *     rack KEY
 *     number N
 *     member BOARD KEY ROLE,ROLE
 *     signature 128 HEX DIGITS
 *
 * @throws {InvalidMembership} when two members share a name or a key, or something is no name
 */
export function signMembership(rack: Identity, number: number, members: readonly Member[]): string {
  const sorted = [...members].sort((a, b) => (a.board < b.board ? -1 : 1));
  const lines = sorted.map(({ board, key, roles }) => `member ${board} ${key} ${inOrder(roles).join(',')}`);
  const body = [`rack ${rack.publicKey}`, `number ${number}`, ...lines].map((line) => `${line}\n`).join('');
  const signature = rack.sign('membership', Buffer.from(body)).toString('hex');
  const text = `${FIRST_LINE}\n${body}signature ${signature}\n`;
  readMembership(text, rack.publicKey);
  return text;
}

/**
 * Reads a list and checks that `rack` has signed it.
 *
 * @throws {InvalidMembership}
 */
export function readMembership(text: string, rack: PublicKey): Membership {
  if (text.length > MAX_LIST_BYTES) throw new InvalidMembership(`longer than ${MAX_LIST_BYTES} bytes`);
  const end = text.lastIndexOf('\nsignature ') + 1;
  const lines = text.slice(0, Math.max(end - 1, 0)).split('\n');
  if (lines[0] !== FIRST_LINE) throw at(1, `does not begin with ${FIRST_LINE}`);
  const signature = /^signature ([0-9a-f]{128})\n$/.exec(text.slice(end))?.[1];
  if (signature === undefined) throw new InvalidMembership('does not end with a signature');
  const body = Buffer.from(text.slice(FIRST_LINE.length + 1, end));
  const signer = keyIn(2, /^rack (\S+)$/.exec(lines[1] ?? '')?.[1]);
  if (signer !== rack) throw new InvalidMembership(`of another rack: ${signer}`);
  if (!isSignedBy(rack, 'membership', body, Buffer.from(signature, 'hex').subarray(0, SIGNATURE_BYTES)))
    throw new InvalidMembership('the signature is not that of the rack');
  return { rack, number: numberIn(lines[2] ?? ''), members: membersIn(lines.slice(3)) };
}

/** Keeps the newest list of a rack. */
export class MembershipKeeper {
  readonly rack: PublicKey;
  #text: string;
  #current: Membership;
  #byKey: ReadonlyMap<PublicKey, Member>;

  /** @throws {InvalidMembership} */
  constructor(rack: PublicKey, text: string) {
    this.rack = rack;
    this.#text = text;
    this.#current = readMembership(text, rack);
    this.#byKey = byKey(this.#current);
  }

  get current(): Membership {
    return this.#current;
  }

  /** As it was signed, to pass on. */
  get text(): string {
    return this.#text;
  }

  member(key: PublicKey): Member | undefined {
    return this.#byKey.get(key);
  }

  /**
   * Takes a list over if it is newer than the one here.
   *
   * @returns whether it was; one with the same number or a lower one changes nothing
   * @throws {InvalidMembership} and changes nothing
   */
  offer(text: string): boolean {
    if (text === this.#text) return false;
    const offered = readMembership(text, this.rack);
    if (offered.number <= this.#current.number) return false;
    this.#text = text;
    this.#current = offered;
    this.#byKey = byKey(offered);
    return true;
  }
}

function byKey({ members }: Membership): ReadonlyMap<PublicKey, Member> {
  return new Map(members.map((member) => [member.key, member]));
}

function membersIn(lines: string[]): Member[] {
  if (lines.length > MAX_MEMBERS) throw new InvalidMembership(`more than ${MAX_MEMBERS} members`);
  const boards = new Set<string>();
  const keys = new Set<string>();
  return lines.map((line, index) => {
    const number = index + 4;
    const [, board = '', key, roles = ''] = /^member (\S+) (\S+) (\S*)$/.exec(line) ?? [];
    if (!BOARD_NAME.test(board))
      throw at(number, `'${line.slice(0, 80)}' is not 'member BOARD KEY ROLE,ROLE'`);
    const member = { board, key: keyIn(number, key), roles: rolesIn(number, roles) };
    if (boards.size === boards.add(board).size) throw at(number, `${board} is named twice`);
    if (keys.size === keys.add(member.key).size) throw at(number, `${board} has the key of another board`);
    return member;
  });
}

function keyIn(line: number, text = ''): PublicKey {
  try {
    return parsePublicKey(text);
  } catch (cause) {
    if (!(cause instanceof InvalidKey)) throw cause;
    throw at(line, cause.message, cause);
  }
}

function numberIn(line: string): number {
  const number = Number(/^number ([1-9]\d{0,14})$/.exec(line)?.[1]);
  if (Number.isNaN(number)) throw at(3, `'${line.slice(0, 80)}' is not 'number N'`);
  return number;
}

function rolesIn(line: number, text: string): Role[] {
  const words = text === '' ? [] : text.split(',');
  const roles = ROLES.filter((role) => words.includes(role));
  const unknown = words.find((word) => !ROLES.some((role) => role === word));
  if (unknown !== undefined) throw at(line, `${unknown} is no role; there are ${ROLES.join(', ')}`);
  if (roles.length !== words.length) throw at(line, 'a role is named twice');
  return roles;
}

function inOrder(roles: readonly Role[]): Role[] {
  return ROLES.filter((role) => roles.includes(role));
}

function at(line: number, problem: string, cause?: Error): InvalidMembership {
  return new InvalidMembership(`line ${line}: ${problem}`, { cause });
}
