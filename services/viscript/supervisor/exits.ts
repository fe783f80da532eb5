import type { ExitStatus } from '../launcher/launcher.ts';

/**
 * Why an app ended: what the launcher tells of it, or what viscript ended it for: it did not answer pings (`hung`),
 * did not say in time that it is ready (`not-ready`), or somebody asked for it (`stopped`, which is no failure).
 */
export type ExitKind = ExitStatus['cause'] | FailureKind | 'stopped';

/** What viscript itself takes an app for failed for. */
export type FailureKind = 'hung' | 'not-ready';

export interface AppExit extends ExitStatus {
  /** The launch it was. */
  id: number;
  kind: ExitKind;
  /** In words, where viscript ended it. */
  reason?: string | undefined;
  /** See moment.ts. */
  moment: number;
  /** How long the process ran, milliseconds; 0 where it could not start. */
  ranMs: number;
}

/** What became of an app, whichever launches it had. */
export interface AppHistory {
  /** The last ones, oldest first. */
  exits: AppExit[];
  /** How often it was started again after it had ended, by why it had. */
  restarts: Partial<Record<ExitKind, number>>;
}

/** Exits that are kept of each app. */
export const maxExits = 10;

/** The histories of all apps, by name. They outlive the launches, and the supervisor where its record does. */
export class Histories {
  readonly #apps: Map<string, AppHistory>;

  constructor(stored: Iterable<[string, AppHistory]> = []) {
    this.#apps = new Map(stored);
  }

  of(app: string): Readonly<AppHistory> {
    return this.#apps.get(app) ?? { exits: [], restarts: {} };
  }

  ended(app: string, exit: AppExit): void {
    const { exits } = this.#own(app);
    exits.push(exit);
    if (exits.length > maxExits) exits.shift();
  }

  restarted(app: string, kind: ExitKind): void {
    const { restarts } = this.#own(app);
    restarts[kind] = (restarts[kind] ?? 0) + 1;
  }

  /** Forgets the apps that are not among `names`. */
  keepOnly(names: ReadonlySet<string>): void {
    for (const name of this.#apps.keys()) if (!names.has(name)) this.#apps.delete(name);
  }

  stored(): [string, AppHistory][] {
    return [...this.#apps];
  }

  #own(app: string): AppHistory {
    const known = this.#apps.get(app);
    if (known) return known;
    const history: AppHistory = { exits: [], restarts: {} };
    this.#apps.set(app, history);
    return history;
  }
}
