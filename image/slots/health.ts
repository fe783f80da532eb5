import { NoSupervisor } from '../../services/viscript/control/client.ts';
import { judge as networkProblem, type Port } from '../../services/viscript/troubles/network.ts';

/** What is seen of a board at one moment. */
export interface Look {
  /** Or why it does not answer. */
  supervisor: SupervisorLook | Error;
  ports: readonly Port[];
}

export interface SupervisorLook {
  pid: number;
  /** Apps that start by themselves, with what they depend on. */
  autostart: readonly string[];
  /** Launches that are not over. */
  apps: readonly AppLook[];
  /** Those that are. */
  over: readonly AppLook[];
}

export interface AppLook {
  app: string;
  state: string;
  restarts: number;
  pid: number | undefined;
  /** How it ended last: `exited with code 1`. */
  lastExit: string | undefined;
  /** It ended because somebody wanted it to, or with status 0. */
  endedWell: boolean;
}

/** Why a board is not seen to be in order: about the supervisor, an app by name, the network, or only the time. */
export interface Problem {
  about: 'supervisor' | 'network' | 'time' | { app: string };
  text: string;
}

export interface HealthOptions {
  /** How long all has to be well without a break, milliseconds. */
  calmMs: number;
  /** Ports that had an address under the version before; none: no network is asked for. */
  network: readonly string[];
}

/**
 * Judges whether a board is in order: its supervisor answers and is the same, its apps are ready and the same, and it is
 * on the network if it was before; all of it without a break for a while.
 */
export class Health {
  readonly #o: HealthOptions;
  /** What must not change, and since when it has not (milliseconds of the caller's clock). */
  #calm: { since: number; same: string } | undefined;
  #broken = '';

  constructor(options: HealthOptions) {
    this.#o = options;
  }

  /**
   * Takes in what is seen now.
   *
   * @param now milliseconds of a clock that nobody sets
   * @returns undefined when the board is in order
   */
  take(look: Look, now: number): Problem | undefined {
    const problem = problemOf(look, this.#o.network);
    if (problem !== undefined) {
      this.#calm = undefined;
      this.#broken = problem.text;
      return problem;
    }
    const same = identityOf(look);
    if (this.#calm?.same !== same) {
      if (this.#calm !== undefined) this.#broken = changed(this.#calm.same, same);
      this.#calm = { since: now, same };
    }
    if (now - this.#calm.since >= this.#o.calmMs) return undefined;
    const before = this.#broken === '' ? '' : `; before that: ${this.#broken}`;
    return {
      about: 'time',
      text: `all was well for ${Math.floor((now - this.#calm.since) / 1000)} s alone${before}`,
    };
  }
}

function problemOf({ supervisor, ports }: Look, network: readonly string[]): Problem | undefined {
  if (supervisor instanceof Error) return { about: 'supervisor', text: silence(supervisor) };
  for (const app of supervisor.autostart) {
    const text = appProblem(app, supervisor);
    if (text !== undefined) return { about: { app }, text };
  }
  const [missing] = network.length === 0 ? [] : networkProblem(ports);
  if (missing === undefined) return undefined;
  return { about: 'network', text: `${missing}; the version before had one on ${network.join(', ')}` };
}

function silence(problem: Error): string {
  return problem instanceof NoSupervisor
    ? 'the supervisor did not run'
    : `the supervisor did not answer as it should (${problem.message})`;
}

function appProblem(app: string, { apps, over }: SupervisorLook): string | undefined {
  const launch = apps.find((each) => each.app === app);
  if (launch === undefined) {
    const ended = over.findLast((each) => each.app === app);
    if (ended?.endedWell === true) return undefined;
    return `app ${app} ${ended === undefined ? 'was never started' : (ended.lastExit ?? 'never ran')}`;
  }
  if (launch.state === 'ready') return undefined;
  const last = launch.lastExit === undefined ? '' : `; it ${launch.lastExit}`;
  return `app ${app} is ${launch.state}, not ready${last}`;
}

/** By lines, so that the one that changed can be told. */
function identityOf({ supervisor }: Look): string {
  if (supervisor instanceof Error) return '';
  const { pid, autostart, apps } = supervisor;
  const lines = apps
    .filter(({ app }) => autostart.includes(app))
    .map((each) => `app ${each.app} was started again (process ${each.pid}, restart ${each.restarts})`);
  return [`the supervisor was started again (process ${pid})`, ...lines].join('\n');
}

function changed(before: string, now: string): string {
  const old = before.split('\n');
  return now.split('\n').find((line) => !old.includes(line)) ?? 'an app has ended';
}
