import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { stringify } from 'yaml';
import { z } from 'zod';
import { ControlClient } from '../../../services/viscript/control/client.ts';
import { MeasureError, until } from '../../measure/process.ts';

const launch = z.object({
  ...{ id: z.number(), app: z.string(), state: z.string(), restarts: z.number() },
  pid: z.number().nullable().optional(),
  lastExit: z
    .object({ kind: z.string(), code: z.number().nullable(), signal: z.string().nullable() })
    .nullable()
    .optional(),
});
const status = z.object({ pid: z.number(), apps: z.array(launch), over: z.array(launch) });

export type LaunchSeen = z.infer<typeof launch>;
export interface Answer {
  status: number;
  stdout: string;
  stderr: string;
}

export interface HostOptions {
  /** Folder that `scripts/build.ts` made. */
  bundle: string;
  /** For sockets, state and the config; its path is short. */
  folder: string;
  /** The entries of config.yaml. */
  apps: Readonly<Record<string, object>>;
}

/** viscript as on a laptop, under its guard, that can be killed and started again. */
export class AbusedHost implements AsyncDisposable {
  readonly #options: HostOptions;
  #guard: ChildProcess | undefined;
  #client: ControlClient | undefined;
  #pid = 0;

  constructor(options: HostOptions) {
    this.#options = options;
  }

  /** Of the supervisor. */
  get pid(): number {
    return this.#pid;
  }

  get signalSocket(): string {
    return join(this.#options.folder, 'run/signal.sock');
  }

  get controlSocket(): string {
    return join(this.#options.folder, 'run/control.sock');
  }

  /** Resolves when commands are taken. */
  async start(): Promise<void> {
    const { bundle, folder, apps } = this.#options;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const config = join(folder, 'config.yaml');
    await writeFile(config, stringify({ apps }));
    const words = ['--runtime-dir', join(folder, 'run'), '--config', config, '--headless'];
    const guard = spawn(process.execPath, [join(bundle, 'viscript.js'), ...words], {
      env: { ...process.env, VISCRIPT_STATE_DIR: join(folder, 'state') },
      stdio: ['ignore', 'ignore', 'pipe'],
      // Ctrl-C is for this process to act on: a terminal sends it to all of the group.
      detached: true,
    });
    this.#guard = guard;
    await isReady(guard);
    this.#client = await ControlClient.connect(this.controlSocket);
    ({ pid: this.#pid } = await this.status());
  }

  async run(argv: string[], json = false): Promise<Answer> {
    const answer: Answer = { status: 0, stdout: '', stderr: '' };
    const client = this.#client;
    if (client === undefined) throw new MeasureError('viscript does not run');
    const add = (stream: 'stdout' | 'stderr', text: string) => {
      answer[stream] += text;
    };
    const never = new AbortController().signal;
    answer.status = await client.run({ argv, json, columns: 0, color: false }, add, never);
    return answer;
  }

  /** What a command says that must not fail. @throws {MeasureError} */
  async must(argv: string[], json = false): Promise<string> {
    const answer = await this.run(argv, json);
    if (answer.status !== 0) throw new MeasureError(`viscript ${argv.join(' ')}: ${answer.stderr}`);
    return answer.stdout;
  }

  async status(): Promise<z.infer<typeof status>> {
    return status.parse(JSON.parse(await this.must(['status'], true)));
  }

  /** Of a launch, running or over; undefined when it is not known. */
  async launch(id: number): Promise<LaunchSeen | undefined> {
    const { apps, over } = await this.status();
    return [...apps, ...over].find((each) => each.id === id);
  }

  /** Starts an app. @returns its launch's ID */
  async begin(app: string, ...args: string[]): Promise<number> {
    const { id }: { id: number } = JSON.parse(await this.must(['start', app, ...args], true));
    return id;
  }

  /** Resolves with the launch as soon as it is as it must be. @throws {MeasureError} not within half a minute */
  becomes(id: number, what: string, as: (launch: LaunchSeen) => boolean): Promise<LaunchSeen> {
    return until(`launch ${id} ${what}`, async () => {
      const seen = await this.launch(id);
      if (seen === undefined || !as(seen)) throw new MeasureError(`it is ${JSON.stringify(seen)}`);
      return seen;
    });
  }

  /** Kills the supervisor itself; resolves when its guard has ended too. */
  async kill(): Promise<void> {
    const guard = this.#guard;
    if (guard === undefined) return;
    const ended = once(guard, 'exit');
    this.#client?.close();
    this.#client = undefined;
    process.kill(this.#pid, 'SIGKILL');
    await ended;
    this.#guard = undefined;
    this.#pid = 0;
  }

  /** All processes that live and were started by this supervisor or by what it started, by what their environment says. */
  async processes(): Promise<number[]> {
    const found: number[] = [];
    for (const name of await readdir('/proc')) {
      const pid = Number(name);
      if (Number.isNaN(pid) || pid === this.#guard?.pid || pid === this.#pid) continue;
      const environment = await readFile(`/proc/${name}/environ`, 'latin1').catch(goneIsEmpty);
      if (environment.includes(this.#options.folder)) found.push(pid);
    }
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client?.close();
    const guard = this.#guard;
    if (guard === undefined || guard.exitCode !== null || guard.signalCode !== null) return;
    const ended = once(guard, 'exit');
    guard.kill('SIGTERM');
    await ended;
  }
}

async function isReady(guard: ChildProcess): Promise<void> {
  let said = '';
  const { stderr } = guard;
  if (stderr === null) throw new MeasureError('viscript has no standard error');
  for await (const line of createInterface({ input: stderr })) {
    said += `${line}\n`;
    if (line.includes('ready:')) {
      stderr.resume();
      return;
    }
  }
  throw new MeasureError(`viscript did not start:\n${said}`);
}

function goneIsEmpty(error: NodeJS.ErrnoException): string {
  // It has ended meanwhile, or it is somebody else's.
  if (['ENOENT', 'ESRCH', 'EACCES'].includes(error.code ?? '')) return '';
  throw error;
}
