import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { z } from 'zod';
import { pause } from '../../services/signal/pause.ts';
import { ControlClient } from '../../services/viscript/control/client.ts';

/** viscript did not start, or an app under it did not. */
export class MeshNotStarted extends Error {
  override readonly name = 'MeshNotStarted';
}

/** What `list_apps` says of launches, as far as it matters here. */
const launchList = z.array(
  z.object({
    app: z.string(),
    state: z.string(),
    restarts: z.number(),
    lastExit: z.object({ message: z.string().optional() }).optional(),
  }),
);
type LaunchSeen = z.infer<typeof launchList>[number];

/** How many last lines of an app that failed are shown. */
const LOG_LINES = 15;
const POLL_MS = 100;
const MAX_RESTARTS = 3;

export interface OwnViscriptOptions {
  /** Folder that `scripts/build.ts` made. */
  bundle: string;
  configFile: string;
  /** Gets sockets, logs and the apps' own files; its path is short, for sockets are in it. */
  folder: string;
}

/**
 * A supervisor of this process's own: it runs as long as its standard input is open, so that nothing of
 * it outlives this process however that ends.
 */
export class OwnViscript implements AsyncDisposable {
  /** What a person gives `viscript --runtime-dir`. */
  readonly runtimeDirectory: string;
  readonly #child: ChildProcessByStdio<Writable, null, Readable>;
  readonly #exited: Promise<unknown>;
  #said = '';

  constructor({ bundle, configFile, folder }: OwnViscriptOptions) {
    this.runtimeDirectory = folder;
    const words = ['--headless', '--owned', '--config', configFile, '--runtime-dir', folder];
    this.#child = spawn(process.execPath, [join(bundle, 'viscript.js'), ...words], {
      env: { ...process.env, VISCRIPT_STATE_DIR: join(folder, 'state') },
      stdio: ['pipe', 'ignore', 'pipe'],
      // Ctrl-C is for this process to act on: a terminal sends it to all of the group.
      detached: true,
    });
    this.#exited = once(this.#child, 'exit');
  }

  /** Whether it runs still. */
  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Resolves when it has ended. */
  get ended(): Promise<unknown> {
    return this.#exited;
  }

  /**
   * Resolves when every app of the config file that starts by itself is ready.
   *
   * @param note told how far it is
   * @throws {MeshNotStarted} when one of them failed, with the last lines it wrote; or the signal's reason
   */
  async allReady(signal: AbortSignal, note: (text: string) => void): Promise<void> {
    await this.#takesCommands();
    for (;;) {
      signal.throwIfAborted();
      const launches = launchList.parse(JSON.parse(await this.#run(['list_apps'], true)));
      const failed = launches.find(isLost);
      if (failed !== undefined) throw await this.#notStarted(failed);
      const ready = launches.filter(({ state }) => state === 'ready').length;
      note(`${ready} of ${launches.length} apps ready`);
      if (ready === launches.length) return;
      await pause(POLL_MS, signal);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.running) this.#child.stdin.end();
    await this.#exited;
  }

  /** Resolves when the supervisor takes commands. @throws {MeshNotStarted} with what it said */
  async #takesCommands(): Promise<void> {
    for await (const line of createInterface({ input: this.#child.stderr })) {
      this.#said += `${line}\n`;
      if (line.startsWith('viscript: ready:')) {
        this.#child.stderr.resume();
        return;
      }
    }
    throw new MeshNotStarted(`viscript did not start:\n${this.#said.trimEnd()}`);
  }

  async #notStarted({ app, lastExit }: LaunchSeen): Promise<MeshNotStarted> {
    const text = await this.#run(['logs', '-n', String(LOG_LINES), app], false);
    return new MeshNotStarted(`${app} does not run: ${lastExit?.message ?? ''}\n${text}`.trimEnd());
  }

  async #run(argv: string[], json: boolean): Promise<string> {
    const client = await ControlClient.connect(join(this.runtimeDirectory, 'control.sock'));
    let text = '';
    try {
      const never = new AbortController().signal;
      await client.run({ argv, json, columns: 0, color: false }, (_stream, part) => (text += part), never);
      return text;
    } finally {
      client.close();
    }
  }
}

/** An app that fails is started again, and may come up then: viscript itself gives up on what has ended for good. */
function isLost({ state, restarts }: LaunchSeen): boolean {
  return state === 'exited' || (state === 'failing' && restarts >= MAX_RESTARTS);
}
