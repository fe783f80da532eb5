import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';

/** Two linked pseudo terminals need the Debian package socat. */
export const hasSocat = spawnSync('socat', ['-V']).status === 0;

/** Two pseudo terminals, what is written to one is read from the other; at fixed paths, so that they can come back. */
export class PtyPair {
  readonly near: string;
  readonly far: string;
  readonly #folder: string;
  #socat: ChildProcess | undefined;

  private constructor(folder: string) {
    this.#folder = folder;
    this.near = join(folder, 'near');
    this.far = join(folder, 'far');
  }

  static async open(): Promise<PtyPair> {
    const pair = new PtyPair(await mkdtemp(join(tmpdir(), 'pty-')));
    await pair.plugIn();
    return pair;
  }

  /**
   * Makes the pair; after `unplug` again, at the same paths.
   *
   * @param first done while only the far end is there. Who opens a line throws away what waits in it: so a person who is
   *   to miss nothing is there before the near end is.
   */
  async plugIn(first: () => Promise<void> = async () => undefined): Promise<void> {
    const end = (link: string) => `pty,rawer,link=${link}`;
    const unnamed = `${this.near}.new`;
    const socat = spawn('socat', ['-d', '-d', end(unnamed), end(this.far)], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#socat = socat;
    await joined(socat.stderr);
    await first();
    await rename(unnamed, this.near);
  }

  /** Both ends vanish, as when somebody pulls the cable of a USB adapter. */
  async unplug(): Promise<void> {
    const socat = this.#socat;
    if (socat === undefined) return;
    this.#socat = undefined;
    const exited = once(socat, 'exit');
    socat.kill('SIGTERM');
    await exited;
    await rm(this.near, { force: true });
  }

  async close(): Promise<void> {
    await this.unplug();
    await rm(this.#folder, { recursive: true });
  }
}

/** Resolves when socat passes on what comes. */
async function joined(stderr: Readable): Promise<void> {
  let said = '';
  for await (const chunk of stderr.iterator({ destroyOnReturn: false })) {
    said += String(chunk);
    if (!said.includes('starting data transfer loop')) continue;
    stderr.resume();
    return;
  }
  throw new Error(`socat made no pseudo terminals: ${said}`);
}
