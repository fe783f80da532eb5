import type { AppConfig } from '../../../../services/viscript/config/schema.ts';
import type {
  LaunchedProcess,
  Launcher,
  LaunchSpec,
} from '../../../../services/viscript/launcher/launcher.ts';
import { appConfig } from './support.ts';

/** Opens another launcher on the same machine, as a supervisor does that starts anew. */
export type OpenLauncher = () => Promise<Launcher>;

/** What a test launches: a shell script and its arguments, or any other program. */
export interface Program extends Partial<Omit<LaunchSpec, 'app' | 'id'>> {
  script?: string;
  app?: Partial<AppConfig>;
}

/** One launch and all it has written so far. */
export class Run {
  readonly id: number;
  readonly process: LaunchedProcess;
  output = '';
  readonly #waiting = new Set<() => void>();

  constructor(id: number, process: LaunchedProcess) {
    this.id = id;
    this.process = process;
    process.onOutput((_stream, chunk) => {
      this.output += chunk.toString();
      for (const look of this.#waiting) look();
    });
    void process.exited.then(() => {
      for (const look of this.#waiting) look();
    });
  }

  /** Resolves when its output matches. @throws when it has ended and never will */
  async wrote(pattern: RegExp): Promise<RegExpExecArray> {
    const over = this.process.exited.then((status) => {
      const found = pattern.exec(this.output);
      if (found) return found;
      throw new Error(
        `ended (${JSON.stringify(status)}) without ${pattern}; wrote ${JSON.stringify(this.output)}`,
      );
    });
    const seen = new Promise<RegExpExecArray>((resolve) => {
      const look = () => {
        const found = pattern.exec(this.output);
        if (!found) return;
        this.#waiting.delete(look);
        resolve(found);
      };
      this.#waiting.add(look);
      look();
    });
    return Promise.race([seen, over]);
  }
}

/** A launcher under test. Ends what a promise has left running. */
export class Lab {
  readonly #open: OpenLauncher;
  readonly #runs: Run[] = [];
  #launcher: Launcher;
  #nextId = 1;

  private constructor(open: OpenLauncher, launcher: Launcher) {
    this.#open = open;
    this.#launcher = launcher;
  }

  static async with(open: OpenLauncher): Promise<Lab> {
    return new Lab(open, await open());
  }

  get launcher(): Launcher {
    return this.#launcher;
  }

  async launch({ script, app, ...spec }: Program): Promise<Run> {
    const id = this.#nextId++;
    const shell =
      script === undefined ? {} : { file: '/bin/sh', args: ['-c', script, 'sh', ...(spec.args ?? [])] };
    const process = await this.#launcher.launch({
      id,
      app: appConfig({ name: 'lab', daemon: true, ...app }),
      file: '/bin/true',
      args: [],
      cwd: '/',
      environment: { PATH: '/usr/bin:/bin' },
      ...spec,
      ...shell,
    });
    return this.#keep(new Run(id, process));
  }

  /** The supervisor goes without a word, and another one comes. @returns what that one takes over */
  async replaceLauncher(meanwhile: () => Promise<void> = async () => undefined): Promise<Run[]> {
    await this.#launcher.close();
    await meanwhile();
    this.#launcher = await this.#open();
    const adopted = await this.#launcher.adopt();
    return adopted.map(({ id, process }) => this.#keep(new Run(id, process)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const adopted = new Map(this.#runs.map((run) => [run.id, run]));
    for (const { process } of adopted.values()) await process.kill('SIGKILL');
    await Promise.all([...adopted.values()].map(({ process }) => process.exited));
    await this.#launcher.close();
  }

  #keep(run: Run): Run {
    this.#runs.push(run);
    return run;
  }
}
