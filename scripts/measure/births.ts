import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { MeasureError } from './process.ts';

export interface Birth {
  pid: number;
  /** performance.now() when the app's first word was here. */
  at: number;
}

/** The first thing the app does is to tell its name and process id; then it is as idle as a process can be. */
const PROGRAM = `#!/bin/sh
echo "$1 $$" >"$2"
exec sleep infinity
`;

/** Longer than any supervisor takes to start an app, or to start one again. */
const DEADLINE_MS = 30_000;

/**
 * Apps that tell when they run, whoever starts them: a pipe with a name, and the program that writes into it.
 * The program costs a millisecond or two, so that what is measured is the supervisor.
 */
export class Births {
  readonly #folder: string;
  readonly #pipe: string;
  readonly #socket: Socket;
  readonly #lines: Interface;
  readonly #waiting = new Map<string, (birth: Birth) => void>();

  /** Makes a program of its own for each app, so that every list shows its name. */
  static async open(folder: string, names: readonly string[]): Promise<Births> {
    const pipe = join(folder, 'births');
    execFileSync('mkfifo', ['-m', '600', pipe]);
    for (const name of names) await writeFile(join(folder, name), PROGRAM, { mode: 0o755 });
    return new Births(folder, pipe);
  }

  private constructor(folder: string, pipe: string) {
    this.#folder = folder;
    this.#pipe = pipe;
    // Open for writing too, so that it never ends.
    const fd = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK);
    try {
      this.#socket = new Socket({ fd, readable: true, writable: false });
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    this.#lines = createInterface({ input: this.#socket });
    this.#lines.on('line', (line) => {
      const at = performance.now();
      const [name = '', pid] = line.split(' ');
      this.#waiting.get(name)?.({ pid: Number(pid), at });
      this.#waiting.delete(name);
    });
  }

  /** The program of an app and its arguments. */
  commandOf(name: string): [string, ...string[]] {
    return [join(this.#folder, name), name, this.#pipe];
  }

  /** The next time an app of this name runs. @throws {MeasureError} when it does not within 30 s. */
  next(name: string): Promise<Birth> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(name);
        reject(new MeasureError(`${name} did not run within ${DEADLINE_MS / 1000} s`));
      }, DEADLINE_MS);
      this.#waiting.set(name, (birth) => {
        clearTimeout(timer);
        resolve(birth);
      });
    });
  }

  [Symbol.dispose](): void {
    this.#lines.close();
    this.#socket.destroy();
  }
}
