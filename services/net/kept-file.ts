import { mkdir } from 'node:fs/promises';
import { constants } from 'node:os';
import { dirname } from 'node:path';
import { writeDurably } from './durable-file.ts';

export interface KeptFileOptions {
  file: string;
  /** What is in it, for people: `the leases`. */
  what: string;
  /** What is to be in it, asked for when a write begins. */
  content(): string;
  /** Told once when it cannot be written, and once when it can be again. */
  onProblem(message: string): void;
}

/** A write that failed is tried again after so many milliseconds. */
const retryMs = 10_000;

/**
 * The file of what a program holds in memory, for itself alone: each version whole on the disk before it takes the place
 * of the one before. While it cannot be written, for want of room for instance, the one before stays, the program goes
 * on, and what holds then is written as soon as that goes.
 *
 * INVARIANT: one write at a time.
 */
export class KeptFile {
  readonly #options: KeptFileOptions;
  #writing: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #failing = false;
  #retry: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: KeptFileOptions) {
    this.#options = options;
  }

  /** What was to be written last is not on the disk, nor being written. */
  get failing(): boolean {
    return this.#failing;
  }

  /** Resolves when what holds now is on the disk, or was told not to be. Changes in quick succession share a write. */
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

  /** Resolves when nothing is being written. */
  async settled(): Promise<void> {
    await (this.#next ?? this.#writing);
  }

  /** Tries what is not on the disk once more, and then no more by itself. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await (this.#failing ? this.save() : this.settled());
  }

  async #write(): Promise<void> {
    clearTimeout(this.#retry);
    const { file, what, content, onProblem } = this.#options;
    try {
      await mkdir(dirname(file), { recursive: true, mode: 0o700 });
      await writeDurably(file, content(), 0o600);
      if (this.#failing) onProblem(`can keep ${what} again`);
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) onProblem(`cannot keep ${what} in ${file} for now: ${reasonOf(error)}`);
      this.#failing = true;
      if (!this.#stopped) this.#retry = setTimeout(() => void this.save(), retryMs).unref();
    }
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Node.js has no words for this one.
  const overQuota = 'errno' in error && error.errno === -constants.errno.EDQUOT;
  return overQuota ? 'EDQUOT: this program’s share of the disk is used up' : error.message;
}
