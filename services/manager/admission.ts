import { EventEmitter } from 'node:events';
import { type FSWatcher, watch } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Admitted } from '../net/admitted.ts';
import type { MemberLists } from '../net/control/introduction.ts';
import type { PublicKey } from '../net/keys.ts';

export interface AdmissionOptions {
  members: { file: string; rack: PublicKey } | undefined;
  /** Admitted whatever the list says. */
  peers: readonly PublicKey[];
  /** Where the newest list that was ever seen is kept. */
  folder: string;
  /** How often the file is looked at where the system does not tell of changes, milliseconds. Default 5,000. */
  checkMs?: number;
}

/**
 * Who may take part, by the list of the rack's members: the one in a file that is looked after, or a newer one, whoever
 * brings it, for the rack has signed it.
 */
export class Admission
  extends EventEmitter<{
    /** There is a newer list. */
    changed: [];
    /** A list could not be taken over, and the one before stays, or a list could not be kept; or that has come right again. */
    problem: [message: string];
  }>
  implements MemberLists
{
  readonly #options: AdmissionOptions;
  #admitted: Admitted | undefined;
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;
  #seen: string | undefined;
  /** Why the file could not be taken over when it was looked at last. */
  #unread: string | undefined;
  #reading: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: AdmissionOptions) {
    super();
    this.#options = options;
  }

  /** Signed, to pass on; undefined without a list. */
  get list(): { number: number; text: string } | undefined {
    return this.#admitted?.list;
  }

  admits(key: PublicKey): boolean {
    return this.#admitted?.admits(key) ?? false;
  }

  /** The name that the rack's owner has given to a board; undefined for a peer. */
  boardOf(key: PublicKey): string | undefined {
    return this.#admitted?.boardOf(key);
  }

  /**
   * Takes a newer list over, keeps it, and has it in force for all.
   *
   * @returns whether it was newer
   * @throws {InvalidMembership} and changes nothing
   */
  async offer(text: string): Promise<boolean> {
    if (!this.#admitted?.offer(text)) return false;
    // On the disk before others hear of it: no restart brings back who is out.
    await this.#admitted.settled();
    this.emit('changed');
    return true;
  }

  /** @throws {MembersUnreadable} when there is no list that is signed by the rack */
  async start(): Promise<void> {
    const { members, peers, folder, checkMs = 5_000 } = this.#options;
    const name = `members-${members?.rack.slice(0, 16)}`;
    this.#admitted = await Admitted.load({
      ...{ peers, rack: members?.rack, given: members?.file, kept: join(folder, name) },
      onProblem: (message) => this.emit('problem', message),
    });
    this.#seen = this.#admitted.given;
    if (members === undefined || this.#stopped) return;
    // The folder and not the file: a new list takes the place of the old one under its name.
    this.#watcher = watch(dirname(members.file), (_event, name) => {
      if (name === null || name === basename(members.file)) this.#readAgain();
    });
    this.#watcher.on('error', (error) => this.emit('problem', error.message));
    this.#timer = setInterval(() => this.#readAgain(), checkMs);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#watcher?.close();
    clearInterval(this.#timer);
    await this.#reading;
    await this.#admitted?.stop();
  }

  #readAgain(): void {
    this.#reading = this.#reading.then(async () => {
      try {
        await this.#read();
        this.#unread = undefined;
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        // A file that cannot be read now is looked at again and again.
        if (why !== this.#unread) this.emit('problem', `the list of members stays: ${why}`);
        this.#unread = why;
      }
    });
  }

  async #read(): Promise<void> {
    const { members } = this.#options;
    if (members === undefined || this.#admitted === undefined || this.#stopped) return;
    const text = await readFile(members.file, 'utf8');
    // What is wrong with a file is told once.
    if (text === this.#seen) return;
    this.#seen = text;
    if (!(await this.offer(text)))
      throw new Error(`${members.file} is not newer than list ${this.list?.number}`);
  }
}
