import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Transcript } from './transcript.ts';

/** A program on a terminal of its own, with somebody typing at it. Needs socat. */
export class PtyProgram implements AsyncDisposable {
  readonly transcript = new Transcript();
  readonly #exited: Promise<unknown>;
  readonly #socat: ChildProcess;
  readonly #folder: string;

  private constructor(socat: ChildProcess, folder: string) {
    this.#socat = socat;
    this.#folder = folder;
    this.#exited = once(socat, 'exit');
    socat.stdout?.on('data', this.transcript.add);
  }

  /** @param script for sh */
  static async start(script: string, environment: Record<string, string>): Promise<PtyProgram> {
    const folder = await mkdtemp(join(tmpdir(), 'program-'));
    const file = join(folder, 'script');
    await writeFile(file, `#!/bin/sh\n${script}\n`, { mode: 0o700 });
    const socat = spawn('socat', ['-', `EXEC:${file},pty,setsid,ctty,stderr,sane,echo=1`], {
      env: { ...process.env, TERM: 'xterm', ...environment },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    return new PtyProgram(socat, folder);
  }

  type(text: string): void {
    this.#socat.stdin?.write(text);
  }

  /** The terminal is closed, as a window is. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#socat.kill('SIGTERM');
    await this.#exited;
    await rm(this.#folder, { recursive: true });
  }
}
