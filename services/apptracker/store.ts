import { mkdir, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { entryOf, lease, textLike } from '../names/messages.ts';
import { type Address, formatAddress } from '../net/address.ts';
import { writeDurably } from '../net/durable-file.ts';
import { fail, list, shape } from '../signal/shape.ts';
import { stateFolder } from '../signal/state-folder.ts';
import type { StoredLease } from './leases.ts';

const storedLease = shape(
  (fields): StoredLease => ({
    ...entryOf(fields),
    lease: lease(fields),
    owner: textLike(fields, 'owner', /^[0-9a-f]{64}$/, 'a SHA-256 in hex'),
  }),
);

const fileShape = shape((fields) =>
  fields.version === 1 ? list(fields, 'leases').map(storedLease.parse) : fail('version', '1'),
);

/**
 * Where the leases of a tracker on `address` are kept: in the folder that viscript or systemd gives
 * (STATE_DIRECTORY), else where the XDG base directory specification says.
 */
export function stateFile(address: Address, environment: NodeJS.ProcessEnv): string {
  return join(
    stateFolder('apptracker', environment),
    `leases-${formatAddress(address).replaceAll(/[^A-Za-z0-9.]/g, '-')}.json`,
  );
}

export interface StoreEvents {
  /** The file could not be written; it is tried again with the next change. */
  onError(error: Error): void;
}

/** The state file: one writer, each version whole on the disk before it takes the place of the one before. */
export class Store {
  readonly file: string;
  readonly #current: () => StoredLease[];
  readonly #events: StoreEvents;
  #writing: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  /** @param current what is to be written, asked for when a write begins */
  constructor(file: string, current: () => StoredLease[], events: StoreEvents) {
    this.file = file;
    this.#current = current;
    this.#events = events;
  }

  /**
   * What was stored last; nothing when there is no file.
   * @throws {Error} when the file cannot be read or understood; one that cannot be understood is kept as `FILE.bad`
   */
  async load(): Promise<StoredLease[]> {
    let text: string;
    try {
      text = await readFile(this.file, 'utf8');
    } catch (error) {
      if (isErrno(error) && error.code === 'ENOENT') return [];
      throw error;
    }
    try {
      return fileShape.parse(JSON.parse(text));
    } catch (cause) {
      await rename(this.file, `${this.file}.bad`);
      throw new Error(
        `${this.file} is damaged; kept as ${this.file}.bad, and every app has to register anew`,
        { cause },
      );
    }
  }

  /** Resolves when what holds now is on the disk, or was reported not to be. Changes in quick succession share a write. */
  save(): Promise<void> {
    this.#next ??= (this.#writing ?? Promise.resolve()).then(() => {
      this.#next = undefined;
      this.#writing = this.#write().finally(() => {
        this.#writing = undefined;
      });
      return this.#writing;
    });
    return this.#next;
  }

  async #write(): Promise<void> {
    try {
      const folder = dirname(this.file);
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await writeDurably(this.file, `${JSON.stringify({ version: 1, leases: this.#current() })}\n`, 0o600);
    } catch (error) {
      this.#events.onError(error instanceof Error ? error : new Error(String(error)));
    }
  }
}

function isErrno(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error;
}
