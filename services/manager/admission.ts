import { EventEmitter } from 'node:events';
import { type FSWatcher, watch } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { writeDurably } from '../net/durable-file.ts';
import type { PublicKey } from '../net/keys.ts';
import { InvalidMembership, MembershipKeeper } from '../net/membership.ts';

export interface AdmissionOptions {
  members: { file: string; rack: PublicKey } | undefined;
  /** Admitted whatever the list says. */
  peers: readonly PublicKey[];
  /** Where the newest list that was ever seen is kept. */
  folder: string;
  /** How often the file is looked at where the system does not tell of changes, milliseconds. Default 5,000. */
  checkMs?: number;
}

/** The list of members cannot be read. */
export class MembersUnreadable extends Error {
  override readonly name = 'MembersUnreadable';
}

/**
 * Who may take part: the members of the rack's list and the peers that are named, nobody else.
 *
 * INVARIANT: the number of the list never falls, also not over restarts.
 */
export class Admission extends EventEmitter<{
  /** There is a newer list. */
  changed: [];
  /** A list could not be taken over; the one before stays. */
  problem: [error: Error];
}> {
  readonly #options: AdmissionOptions;
  readonly #peers: ReadonlySet<PublicKey>;
  #keeper: MembershipKeeper | undefined;
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;
  #seen = '';
  #reading: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: AdmissionOptions) {
    super();
    this.#options = options;
    this.#peers = new Set(options.peers);
  }

  /** Signed, to pass on; undefined without a list. */
  get list(): { number: number; text: string } | undefined {
    return this.#keeper && { number: this.#keeper.current.number, text: this.#keeper.text };
  }

  admits(key: PublicKey): boolean {
    return this.#peers.has(key) || this.#keeper?.member(key) !== undefined;
  }

  /** The name that the rack's owner has given to a board; undefined for a peer. */
  boardOf(key: PublicKey): string | undefined {
    return this.#keeper?.member(key)?.board;
  }

  /** @throws {MembersUnreadable} when there is no list that is signed by the rack */
  async start(): Promise<void> {
    const { members, checkMs = 5_000 } = this.#options;
    if (members === undefined) return;
    const kept = await this.#readKept(members.rack);
    try {
      this.#seen = await readFile(members.file, 'utf8');
      this.#keeper = new MembershipKeeper(members.rack, this.#seen);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new MembersUnreadable(`${members.file}: ${why}`, { cause });
    }
    if (kept === undefined || !this.#offerKept(this.#keeper, kept)) await this.#keep();
    if (this.#stopped) return;
    // The folder and not the file: a new list takes the place of the old one under its name.
    this.#watcher = watch(dirname(members.file), (_event, name) => {
      if (name === null || name === basename(members.file)) this.#readAgain();
    });
    this.#watcher.on('error', (error) => this.emit('problem', error));
    this.#timer = setInterval(() => this.#readAgain(), checkMs);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#watcher?.close();
    clearInterval(this.#timer);
    await this.#reading;
  }

  /** @returns whether the list of before is the newer one */
  #offerKept(keeper: MembershipKeeper, kept: string): boolean {
    const { number } = keeper.current;
    try {
      if (!keeper.offer(kept)) return false;
    } catch (error) {
      if (!(error instanceof InvalidMembership)) throw error;
      this.#tell('the list of before is damaged', error);
      return false;
    }
    this.#tell(
      'the list of before stays',
      `${this.#options.members?.file} has list ${number}, which is older`,
    );
    return true;
  }

  #readAgain(): void {
    this.#reading = this.#reading.then(async () => {
      try {
        await this.#read();
      } catch (error) {
        this.#tell('the list of members stays', error);
      }
    });
  }

  async #read(): Promise<void> {
    const { members } = this.#options;
    if (members === undefined || this.#keeper === undefined || this.#stopped) return;
    const text = await readFile(members.file, 'utf8');
    // What is wrong with a file is told once.
    if (text === this.#seen) return;
    this.#seen = text;
    const { number } = this.#keeper.current;
    if (!this.#keeper.offer(text)) throw new Error(`${members.file} is not newer than list ${number}`);
    await this.#keep();
    this.emit('changed');
  }

  async #readKept(rack: PublicKey): Promise<string | undefined> {
    try {
      return await readFile(this.#keptFile(rack), 'utf8');
    } catch (error) {
      const isThere = !(error instanceof Error && 'code' in error && error.code === 'ENOENT');
      if (isThere) this.#tell('cannot read the list of before', error);
      return undefined;
    }
  }

  /** A list that cannot be kept is in force all the same, until the next start. */
  async #keep(): Promise<void> {
    if (this.#keeper === undefined) return;
    const file = this.#keptFile(this.#keeper.rack);
    try {
      await mkdir(dirname(file), { recursive: true, mode: 0o700 });
      await writeDurably(file, this.#keeper.text, 0o600);
    } catch (error) {
      this.#tell('cannot keep the list', error);
    }
  }

  #tell(what: string, cause: unknown): void {
    this.emit('problem', new Error(`${what}: ${cause instanceof Error ? cause.message : cause}`, { cause }));
  }

  #keptFile(rack: PublicKey): string {
    return join(this.#options.folder, `members-${rack.slice(0, 16)}`);
  }
}
