import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { z } from 'zod';
import { ControlClient } from '../../services/viscript/control/client.ts';
import { root } from '../lib/program.ts';

/** viscript did not start, or an app under it did not. */
export class MeshNotStarted extends Error {
  override readonly name = 'MeshNotStarted';
}

/** What `list_apps` says of launches, as far as it matters here. */
const launchList = z.array(z.looseObject({ app: z.string(), state: z.string() }));

/** How many last lines of an app that failed are shown. */
const LOG_LINES = 15;

/**
 * A supervisor of this process's own, from `dist/`: it runs as long as its standard input is open, so that nothing of
 * it outlives this process however that ends.
 */
export class OwnViscript implements AsyncDisposable {
  /** What a person gives `viscript --runtime-dir`. */
  readonly runtimeDirectory: string;
  readonly #child: ChildProcessByStdio<Writable, null, Readable>;
  readonly #exited: Promise<unknown>;
  #said = '';

  /** @param folder gets sockets, logs and the apps' own files; its path is short, for sockets are in it */
  constructor(folder: string, configFile: string) {
    this.runtimeDirectory = folder;
    const words = ['--headless', '--owned', '--config', configFile, '--runtime-dir', folder];
    this.#child = spawn(process.execPath, [join(root, 'dist/viscript.js'), ...words], {
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

  /** Resolves when the supervisor takes commands. @throws {MeshNotStarted} with what it said */
  async takesCommands(): Promise<void> {
    for await (const line of createInterface({ input: this.#child.stderr })) {
      this.#said += `${line}\n`;
      if (line.startsWith('viscript: ready:')) {
        this.#child.stderr.resume();
        return;
      }
    }
    throw new MeshNotStarted(`viscript did not start:\n${this.#said.trimEnd()}`);
  }

  /**
   * The states of all launches, by app.
   * @throws {MeshNotStarted} when one of them failed, with the last lines it wrote
   */
  async states(): Promise<Map<string, string>> {
    const launches = launchList.parse(JSON.parse(await this.#run(['list_apps'], true)));
    const failed = launches.find(({ state }) => state === 'failing' || state === 'exited');
    if (failed !== undefined) {
      const text = await this.#run(['logs', '-n', String(LOG_LINES), failed.app], false);
      throw new MeshNotStarted(`${failed.app} does not run:\n${text.trimEnd()}`);
    }
    return new Map(launches.map(({ app, state }) => [app, state]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.running) this.#child.stdin.end();
    await this.#exited;
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
