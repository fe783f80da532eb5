import { readFile } from 'node:fs/promises';
import { KeptFile } from './kept-file.ts';
import type { PublicKey } from './keys.ts';
import { InvalidMembership, type Membership, MembershipKeeper } from './membership.ts';

export interface AdmittedOptions {
  /** Admitted whatever a list says. */
  peers: readonly PublicKey[];
  /** The rack whose members are admitted. */
  rack?: PublicKey | undefined;
  /** File of the list that the owner has given; it is only read. */
  given?: string | undefined;
  /** File where the newest list that was ever seen is kept. */
  kept: string;
  /** A list could not be kept, or is kept again, or the one of before could not be used; what is in force stays in force. */
  onProblem(message: string): void;
}

/** The list of members that was given cannot be read, or is none of this rack. */
export class MembersUnreadable extends Error {
  override readonly name = 'MembersUnreadable';
}

/**
 * Who may take part: the members of a rack's list and the peers that are named, nobody else.
 *
 * INVARIANT: the number of the list never falls, also not over restarts.
 */
export class Admitted {
  readonly #options: AdmittedOptions;
  readonly #peers: ReadonlySet<PublicKey>;
  #keeper: MembershipKeeper | undefined;
  #given: string | undefined;
  readonly #file: KeptFile;

  /** @throws {MembersUnreadable} */
  static async load(options: AdmittedOptions): Promise<Admitted> {
    const admitted = new Admitted(options);
    await admitted.#start();
    return admitted;
  }

  private constructor(options: AdmittedOptions) {
    this.#options = options;
    this.#peers = new Set(options.peers);
    const { kept: file, onProblem } = options;
    this.#file = new KeptFile({ file, what: 'the list', content: () => this.#keeper?.text ?? '', onProblem });
  }

  /** What is in force; undefined without a list. */
  get membership(): Membership | undefined {
    return this.#keeper?.current;
  }

  /** As it was signed, to pass on; undefined without one. */
  get list(): { number: number; text: string } | undefined {
    return this.#keeper && { number: this.#keeper.current.number, text: this.#keeper.text };
  }

  /** Text of the list that was given, as it was read at the start. */
  get given(): string | undefined {
    return this.#given;
  }

  admits(key: PublicKey): boolean {
    return this.#peers.has(key) || this.#keeper?.member(key) !== undefined;
  }

  /** Whether the list makes this key's board a manager. */
  isManager(key: PublicKey): boolean {
    return this.#keeper?.member(key)?.roles.includes('manager') ?? false;
  }

  /** The name that the rack's owner has given to a board; undefined for a peer. */
  boardOf(key: PublicKey): string | undefined {
    return this.#keeper?.member(key)?.board;
  }

  /**
   * Takes a newer list over, and keeps it. One that cannot be kept is in force all the same, and kept when that goes.
   *
   * @returns whether it was newer
   * @throws {InvalidMembership} and changes nothing
   */
  offer(text: string): boolean {
    if (!this.#take(text)) return false;
    void this.#file.save();
    return true;
  }

  /** Resolves when the newest list is on the disk, or cannot be. */
  settled(): Promise<void> {
    return this.#file.settled();
  }

  /** Keeps what could not be kept until now, if it can be; goes on as before, but tries no more. */
  stop(): Promise<void> {
    return this.#file.stop();
  }

  async #start(): Promise<void> {
    const { rack, given } = this.#options;
    if (rack === undefined) return;
    if (given !== undefined) await this.#readGiven(given);
    const number = this.list?.number;
    const before = await this.#readKept();
    if (before === undefined || !this.#offerKept(before)) {
      if (this.#given !== undefined) await this.#file.save();
    } else if (this.#given !== undefined) {
      this.#tell('the list of before stays', `${given} has list ${number}, which is older`);
    }
  }

  #take(text: string): boolean {
    const { rack } = this.#options;
    if (rack === undefined) return false;
    if (this.#keeper) return this.#keeper.offer(text);
    this.#keeper = new MembershipKeeper(rack, text);
    return true;
  }

  async #readGiven(file: string): Promise<void> {
    try {
      this.#given = await readFile(file, 'utf8');
      this.#take(this.#given);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new MembersUnreadable(`${file}: ${why}; give the list that the owner of the rack has signed`, {
        cause,
      });
    }
  }

  async #readKept(): Promise<string | undefined> {
    try {
      return await readFile(this.#options.kept, 'utf8');
    } catch (error) {
      const isThere = !(error instanceof Error && 'code' in error && error.code === 'ENOENT');
      if (isThere) this.#tell('cannot read the list of before', error);
      return undefined;
    }
  }

  /** @returns whether the list of before is the newer one */
  #offerKept(text: string): boolean {
    try {
      return this.#take(text);
    } catch (error) {
      if (!(error instanceof InvalidMembership)) throw error;
      this.#tell('the list of before is damaged', error);
      return false;
    }
  }

  #tell(what: string, cause: unknown): void {
    this.#options.onProblem(`${what}: ${cause instanceof Error ? cause.message : cause}`);
  }
}
