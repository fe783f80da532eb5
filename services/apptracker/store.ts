import { readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { entryOf, lease, textLike } from '../names/messages.ts';
import { type Address, formatAddress } from '../net/address.ts';
import { KeptFile } from '../net/kept-file.ts';
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

/** The state file of a tracker. */
export class Store {
  readonly file: string;
  readonly #kept: KeptFile;

  /**
   * @param current what is to be written, asked for when a write begins
   * @param onProblem told once when the file cannot be written, and once when it can be again
   */
  constructor(file: string, current: () => StoredLease[], onProblem: (message: string) => void) {
    this.file = file;
    const content = () => `${JSON.stringify({ version: 1, leases: current() })}\n`;
    this.#kept = new KeptFile({ file, what: 'the leases', content, onProblem });
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

  /** Resolves when what holds now is on the disk, or was told not to be. Changes in quick succession share a write. */
  save(): Promise<void> {
    return this.#kept.save();
  }

  /** Writes what is not on the disk yet, if it can be, and then no more by itself. */
  stop(): Promise<void> {
    return this.#kept.stop();
  }
}

function isErrno(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error;
}
