import { readFile, rename, writeFile } from 'node:fs/promises';
import type { AppHistory } from './exits.ts';
import type { Launch } from './launch.ts';

/** What a supervisor that takes over has to know of a launch that is not over. */
export interface LaunchRecord {
  id: number;
  app: string;
  args: string[];
  token: string | undefined;
  ready: boolean;
  /** It has registered over signal. */
  connected: boolean;
  /** Somebody has asked for its end. */
  stopping: boolean;
  restarts: number;
  /** In a row. */
  failures: number;
  /** See moment.ts. */
  started: number;
}

export interface SupervisorRecord {
  nextId: number;
  launches: LaunchRecord[];
  /** By app. */
  histories: [string, AppHistory][];
}

export function recordOf(launch: Launch): LaunchRecord {
  const { id, app, args, token, state, session, restarts, failures, started } = launch;
  return {
    ...{ id, app: app.name, args: [...args], token, restarts, failures, started },
    ...{ ready: state === 'ready', connected: session !== undefined, stopping: state === 'stopping' },
  };
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
    if (idle) this.#writing = this.settled().then(() => this.#writeNext());
    return this.#writing;
  }

  /** Resolves when what was to be written is, or could not be; who asked for that was told. */
  async settled(): Promise<void> {
    await Promise.allSettled([this.#writing]);
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
  const { nextId, launches, histories } = value as Partial<SupervisorRecord>;
  return (
    Number.isInteger(nextId) &&
    Array.isArray(launches) &&
    Array.isArray(histories) &&
    launches.every((launch) => Number.isInteger(launch.id))
  );
}
