import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { killIfThere } from './descendants.ts';
import { failedStart, whyNotExecutable } from './failed-start.ts';
import {
  type AdoptedProcess,
  type ExitStatus,
  type KernelUsage,
  type LaunchedProcess,
  type Launcher,
  type LaunchSpec,
  type OutputStream,
  ProcessGone,
} from './launcher.ts';
import { allProcesses, descendantsOf, findMembers, measure, treeOf } from './proc.ts';

/**
 * Launches apps as children of the supervisor, each in a session and process group of its own.
 *
 * Nothing survives its launch: what is left of it when its main process ends is killed, found by process group, by
 * descent and by a mark in the environment. Should the supervisor itself be killed, the guard it runs under
 * (see guard.ts) ends every descendant, and the kernel ends the direct children (PR_SET_PDEATHSIG by setpriv).
 */
export class ProcessLauncher implements Launcher {
  readonly kind = 'process';
  readonly #mark: string;
  readonly #reaper: () => number | undefined;

  /**
   * @param run names this supervisor's run, so that its launches can be told from another's
   * @param reaper the process to which all that a launch leaves behind falls (its subreaper, the parent of this one);
   *   undefined where there is none
   */
  constructor(run: string, reaper: () => number | undefined = () => undefined) {
    this.#mark = run;
    this.#reaper = reaper;
  }

  start(): Promise<void> {
    return Promise.resolve();
  }

  async launch(spec: LaunchSpec): Promise<LaunchedProcess> {
    const problem = whyNotExecutable(spec.file);
    if (problem !== undefined) return failedStart(spec.id, problem);
    const mark = `${this.#mark}:${spec.id}`;
    const [file, ...args] = [...diesWithParent(), spec.file, ...spec.args];
    const child = spawn(file ?? spec.file, args, {
      cwd: spec.cwd,
      env: { ...spec.environment, [markVariable]: mark },
      detached: true,
      stdio: [spec.app.daemon ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
    return new ChildLaunch(spec.id, child, `${markVariable}=${mark}`, this.#reaper);
  }

  /** Children do not outlive their supervisor, so there is never anything to adopt. */
  async adopt(): Promise<AdoptedProcess[]> {
    return [];
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

const markVariable = 'VISCRIPT_LAUNCH';
const setpriv = '/usr/bin/setpriv';
/** A detached child may hold the pipes open for ever; past this many milliseconds its output is no longer waited for. */
const drainTimeoutMs = 1000;
/** Rounds of find-and-kill before a launch's leftovers are called unkillable. */
const maxKillRounds = 100;

function diesWithParent(): string[] {
  return existsSync(setpriv) ? [setpriv, '--pdeathsig', 'KILL', '--'] : [];
}

class ChildLaunch implements LaunchedProcess {
  readonly exited: Promise<ExitStatus>;
  readonly #id: number;
  readonly #child: ChildProcess;
  readonly #mark: string;
  readonly #reaper: () => number | undefined;
  readonly #listeners: ((stream: OutputStream, chunk: Buffer) => void)[] = [];
  #ended = false;

  constructor(id: number, child: ChildProcess, mark: string, reaper: () => number | undefined) {
    this.#id = id;
    this.#reaper = reaper;
    this.#child = child;
    this.#mark = mark;
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream]?.on('data', (chunk: Buffer) => {
        for (const listener of this.#listeners) listener(stream, chunk);
      });
    }
    // An app that closes its standard input early is its own business; writes to it then go nowhere.
    child.stdin?.on('error', () => child.stdin?.destroy());
    this.exited = this.#waitForEnd();
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  onOutput(listener: (stream: OutputStream, chunk: Buffer) => void): void {
    this.#listeners.push(listener);
  }

  write(data: string): boolean {
    const { stdin } = this.#child;
    if (!stdin || stdin.destroyed) return false;
    stdin.write(data);
    return true;
  }

  async kill(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const { pid } = this.#child;
    if (pid === undefined || this.#ended) return;
    for (const member of await treeOf(pid)) killIfThere(member, signal);
    killIfThere(-pid, signal);
  }

  async usage(): Promise<KernelUsage> {
    if (this.#ended || this.pid === undefined) throw new ProcessGone(this.#id);
    return measure(await treeOf(this.pid));
  }

  #waitForEnd(): Promise<ExitStatus> {
    const closed = new Promise<void>((resolve) => this.#child.once('close', () => resolve()));
    return new Promise((resolve) => {
      this.#child.once('error', (error) => {
        if (this.pid !== undefined) return;
        this.#ended = true;
        resolve({ code: null, signal: null, cause: 'start-failed', message: error.message });
      });
      this.#child.once('exit', async (code, signal) => {
        this.#ended = true;
        const status: ExitStatus = { code, signal, cause: signal ? 'signal' : 'exit' };
        const left = await this.#killLeftovers();
        if (left.length > 0) status.message = `processes that cannot be killed are left: ${left.join(' ')}`;
        await Promise.race([closed, deadline(drainTimeoutMs)]);
        this.#child.stdout?.destroy();
        this.#child.stderr?.destroy();
        this.#child.stdin?.destroy();
        resolve(status);
      });
    });
  }

  /** @returns pids that survive SIGKILL (stuck in the kernel). */
  async #killLeftovers(): Promise<number[]> {
    let left = this.#leftovers();
    for (let round = 0; left.length > 0 && round < maxKillRounds; round++) {
      for (const pid of left) killIfThere(pid, 'SIGKILL');
      await nextRound();
      left = this.#leftovers();
    }
    return left;
  }

  /** Of a launch whose main process has ended: what is left has lost its parents up to the reaper. */
  #leftovers(): number[] {
    const reaper = this.#reaper();
    const among = reaper === undefined ? allProcesses() : descendantsOf(reaper, process.pid);
    return findMembers(this.#child.pid ?? 0, this.#mark, among);
  }
}

/** The kernel tells nobody but the parent that a process is gone, so leftovers are looked for again a moment later. */
function nextRound(): Promise<void> {
  return deadline(5);
}

function deadline(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
