import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeIdentity } from '../../../services/net/key-file.ts';
import { Identity, type PublicKey } from '../../../services/net/keys.ts';
import { signMembership } from '../../../services/net/membership.ts';

/** A board of the test's rack. */
export interface Board {
  name: string;
  identity: Identity;
  keyFile: string;
}

/** A rack made for one test: its key, its boards with keys of their own, and lists of its members. */
export class Rack {
  readonly #identity = Identity.generate();
  readonly #folder: string;
  readonly #boards = new Map<string, Board>();
  /** Boards that were replaced. */
  readonly #former = new Map<string, Board>();
  #number = 0;
  #newest = '';

  /** @param folder for files of keys and lists */
  constructor(folder: string) {
    this.#folder = folder;
  }

  get key(): PublicKey {
    return this.#identity.publicKey;
  }

  /** The file with the newest list: what the manager is given. */
  get membersFile(): string {
    return join(this.#folder, 'members');
  }

  /** The list that was published last. */
  get newest(): string {
    return this.#newest;
  }

  get boards(): string[] {
    return [...this.#boards.keys()];
  }

  /** Makes a board; the next list has it. */
  async add(name: string): Promise<Board> {
    const board = { name, identity: Identity.generate(), keyFile: join(this.#folder, `${name}.key`) };
    await writeIdentity(board.keyFile, board.identity);
    this.#boards.set(name, board);
    return board;
  }

  /** A board gets another key, which the next list has. The one of before is the board `old NAME` from then on. */
  async replace(name: string): Promise<Board> {
    const before = this.board(name);
    const former = `old ${name}`;
    const keyFile = join(this.#folder, `${former}.key`);
    await rename(before.keyFile, keyFile);
    this.#former.set(former, { ...before, name: former, keyFile });
    return this.add(name);
  }

  board(name: string): Board {
    const board = this.#boards.get(name) ?? this.#former.get(name);
    if (board === undefined) throw new Error(`there is no board ${name} in this rack`);
    return board;
  }

  /** The board with this key; the key itself for one that is not of this rack. */
  nameOf(key: PublicKey): string {
    return [...this.#boards.values()].find(({ identity }) => identity.publicKey === key)?.name ?? key;
  }

  /** @returns the next list, signed, with these boards */
  sign(boards: readonly string[]): string {
    const members = boards.map((name) => ({
      board: name,
      key: this.board(name).identity.publicKey,
      roles: [name === 'manager' ? ('manager' as const) : ('node' as const)],
    }));
    return signMembership(this.#identity, ++this.#number, members);
  }

  /** Writes the next list where the manager reads it. @returns its text */
  async publish(boards: readonly string[] = this.boards): Promise<string> {
    this.#newest = this.sign(boards);
    // As a whole: the manager may read at any moment.
    const file = `${this.membersFile}.new`;
    await writeFile(file, this.#newest);
    await rename(file, this.membersFile);
    return this.#newest;
  }
}
