import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeDurably } from '../net/durable-file.ts';
import type { PublicKey } from '../net/keys.ts';
import { type Membership, MembershipKeeper } from '../net/membership.ts';

export interface AdmissionOptions {
  /** Keys that are admitted besides the members of a rack. */
  peers: readonly PublicKey[];
  /** The rack whose members are admitted. */
  rack?: PublicKey | undefined;
  /** The list with which the node was set up; read only. */
  given?: string | undefined;
  /** Where the newest list is kept. */
  kept: string;
}

/** Who may have links and circuits with this node: the members of its rack, and peers named by its owner. */
export class Admission {
  readonly #peers: ReadonlySet<PublicKey>;
  readonly #kept: string;
  readonly #keeper: MembershipKeeper | undefined;
  readonly #rack: PublicKey | undefined;
  #writing: Promise<void> = Promise.resolve();

  /**
   * @throws {InvalidMembership} when the list that was given is none of this rack; one that was kept and cannot be read any
   *   more is replaced by it
   */
  static async load(options: AdmissionOptions): Promise<Admission> {
    const { rack, given, kept } = options;
    if (rack === undefined) return new Admission(options, undefined);
    const texts = [given && (await readFile(given, 'utf8')), await readIfThere(kept)];
    const [first, second] = texts.filter((text) => text !== undefined && text !== '');
    if (first === undefined) return new Admission(options, undefined);
    const keeper = new MembershipKeeper(rack, first);
    if (second !== undefined) keeper.offer(second);
    return new Admission(options, keeper);
  }

  private constructor({ peers, rack, kept }: AdmissionOptions, keeper: MembershipKeeper | undefined) {
    this.#peers = new Set(peers);
    this.#rack = rack;
    this.#kept = kept;
    this.#keeper = keeper;
  }

  /** Number of the list of members; 0 for none. */
  get number(): number {
    return this.#keeper?.current.number ?? 0;
  }

  get current(): Membership | undefined {
    return this.#keeper?.current;
  }

  isMember(key: PublicKey): boolean {
    return this.#keeper?.member(key) !== undefined;
  }

  admits(key: PublicKey): boolean {
    return this.#peers.has(key) || this.isMember(key);
  }

  /** Whether the rack's list makes this key's board a manager. */
  isManager(key: PublicKey): boolean {
    return this.#keeper?.member(key)?.roles.includes('manager') ?? false;
  }

  nameOf(key: PublicKey): string | undefined {
    return this.#keeper?.member(key)?.board;
  }

  /**
   * Takes a newer list over, and keeps it.
   *
   * @returns whether it was newer
   * @throws {InvalidMembership}
   */
  offer(text: string): boolean {
    if (this.#keeper === undefined || this.#rack === undefined || !this.#keeper.offer(text)) return false;
    this.#writing = this.#writing.then(() => this.#keep(text));
    return true;
  }

  /** Resolves when the newest list is on the disk. @throws when it cannot be written */
  settled(): Promise<void> {
    return this.#writing;
  }

  async #keep(text: string): Promise<void> {
    await mkdir(dirname(this.#kept), { recursive: true, mode: 0o700 });
    await writeDurably(this.#kept, text, 0o600);
  }
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
