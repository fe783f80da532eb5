import { readFile, rename, writeFile } from 'node:fs/promises';

/** What a supervisor that takes over has to know of launches that kept running. */
export interface LaunchRecord {
  id: number;
  app: string;
  args: string[];
  token: string | undefined;
  ready: boolean;
  /** It has registered over signal. */
  connected: boolean;
  restarts: number;
  /** Milliseconds since 1970. */
  startedAt: number;
}

export interface SupervisorRecord {
  nextId: number;
  launches: LaunchRecord[];
}

/**
 * The supervisor's memory over its own restarts, one private file in the runtime directory. It holds the tokens of
 * running apps, so nobody else may read it; it lives in memory only (tmpfs) and ends with the boot.
 */
export class RecordFile {
  readonly #path: string;
  #writing: Promise<void> = Promise.resolve();
  #next: SupervisorRecord | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** @returns undefined where there is none, or where it is not readable as a record. */
  async read(): Promise<SupervisorRecord | undefined> {
    let text: string;
    try {
      text = await readFile(this.#path, 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      throw error;
    }
    return parse(text);
  }

  /** Writes the newest state; states that were overtaken while the file was being written are left out. */
  write(record: SupervisorRecord): Promise<void> {
    const idle = this.#next === undefined;
    this.#next = record;
    if (idle) this.#writing = this.#writing.then(() => this.#writeNext());
    return this.#writing;
  }

  async #writeNext(): Promise<void> {
    const record = this.#next;
    this.#next = undefined;
    const temporary = `${this.#path}.new`;
    await writeFile(temporary, JSON.stringify(record), { mode: 0o600 });
    await rename(temporary, this.#path);
  }
}

function parse(text: string): SupervisorRecord | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isRecord(value: unknown): value is SupervisorRecord {
  if (typeof value !== 'object' || value === null) return false;
  const { nextId, launches } = value as Partial<SupervisorRecord>;
  return (
    Number.isInteger(nextId) &&
    Array.isArray(launches) &&
    launches.every((launch) => Number.isInteger(launch.id))
  );
}
