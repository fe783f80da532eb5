import { createHmac } from 'node:crypto';
import type { App, AppsFound, AppsWanted } from '../../net/control/messages.ts';
import { type Identity, InvalidKey, type PublicKey, parsePublicKey } from '../../net/keys.ts';
import { type Registered, TrackerLink } from './tracker-link.ts';

export interface DirectoryOptions {
  identity: Identity;
  /** HOST:PORT; undefined: names are known here alone. */
  trackerAddress: string | undefined;
  onProblem(message: string): void;
  /** How long a name is kept for a node that is away, and the lease in the tracker. Milliseconds, default 30,000. */
  leaseMs?: number | undefined;
}

interface Held extends Registered {
  /** Another app has this name in the tracker. */
  isTaken: boolean;
}

/** The apps of all nodes, by their names, and in the tracker on the nodes' behalf. */
export class Directory {
  readonly #options: DirectoryOptions & { leaseMs: number };
  readonly #tracker: TrackerLink | undefined;
  readonly #held = new Map<string, Held>();
  readonly #away = new Map<PublicKey, NodeJS.Timeout>();

  constructor(options: DirectoryOptions) {
    this.#options = { ...options, leaseMs: options.leaseMs ?? 30_000 };
    const { trackerAddress: address, onProblem, leaseMs } = this.#options;
    this.#tracker =
      address === undefined
        ? undefined
        : new TrackerLink({
            ...{ address, onProblem, leaseMs },
            registered: () => [...this.#held.values()],
            onAnswer: ({ entry }, answer) => this.#answered(entry.name, answer),
          });
  }

  /** Those that others find. */
  get all(): AppsFound['apps'] {
    return [...this.#held.values()]
      .filter(({ isTaken }) => !isTaken)
      .map(({ entry: { name, type, node } }) => ({ name, type, node }));
  }

  /** @param apps all of a node @returns the names that apps of other nodes have */
  async set(node: PublicKey, apps: readonly App[]): Promise<string[]> {
    const wanted = new Map(apps.map((app) => [app.name, app]));
    for (const held of this.#heldBy(node)) if (!wanted.has(held.entry.name)) this.#drop(held);
    const free = [...wanted.values()].filter(({ name }) => {
      const holder = this.#held.get(name)?.entry.node;
      return holder === undefined || holder === node;
    });
    await Promise.all(free.map((app) => this.#hold(node, app)));
    return [...wanted.keys()].filter((name) => {
      const held = this.#held.get(name);
      return held === undefined || held.entry.node !== node || held.isTaken;
    });
  }

  /** Those of the tracker too, where it can be reached. */
  async find({ name, type }: AppsWanted): Promise<AppsFound> {
    const query = { ...(name !== undefined && { name }), ...(type !== undefined && { type }) };
    const found = new Map<string, AppsFound['apps'][number]>();
    for (const entry of (await this.#tracker?.find(query)) ?? []) {
      const node = keyOf(entry.node);
      if (node) found.set(entry.name, { name: entry.name, type: entry.type, node });
    }
    for (const app of this.all)
      if ((name ?? app.name) === app.name && (type ?? app.type) === app.type) found.set(app.name, app);
    return { apps: [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1)) };
  }

  nodeConnected(node: PublicKey): void {
    clearTimeout(this.#away.get(node));
    this.#away.delete(node);
  }

  nodeDisconnected(node: PublicKey): void {
    this.nodeConnected(node);
    const end = () => {
      this.#away.delete(node);
      for (const held of this.#heldBy(node)) this.#drop(held);
    };
    this.#away.set(node, setTimeout(end, this.#options.leaseMs));
  }

  /** Drops all names of nodes that may have none any more. */
  expel(admits: (node: PublicKey) => boolean): void {
    for (const held of [...this.#held.values()]) if (!admits(held.entry.node)) this.#drop(held);
    for (const node of [...this.#away.keys()]) if (!admits(node)) this.nodeConnected(node);
  }

  async stop(): Promise<void> {
    for (const timer of this.#away.values()) clearTimeout(timer);
    await this.#tracker?.stop();
  }

  async #hold(node: PublicKey, { name, type }: App): Promise<void> {
    const entry = { name, type, node, address: name };
    const held = { entry, secret: this.#secretOf(node, name), isTaken: false };
    this.#held.set(name, held);
    await this.#tracker?.register(held);
  }

  #drop(held: Held): void {
    this.#held.delete(held.entry.name);
    void this.#tracker?.release(held);
  }

  #heldBy(node: PublicKey): Held[] {
    return [...this.#held.values()].filter(({ entry }) => entry.node === node);
  }

  #answered(name: string, answer: 'registered' | 'taken'): void {
    const held = this.#held.get(name);
    if (held) held.isTaken = answer === 'taken';
  }

  /** The same after a restart, so that names are taken back then; another one for another node. */
  #secretOf(node: PublicKey, name: string): string {
    const { identity } = this.#options;
    const text = `skyminer/app-name/v1\n${node}\n${name}`;
    return createHmac('sha256', identity.secretKey).update(text).digest('base64url');
  }
}

/** @returns undefined for an app that is not of the mesh */
function keyOf(text: string): PublicKey | undefined {
  try {
    return parsePublicKey(text);
  } catch (error) {
    if (error instanceof InvalidKey) return undefined;
    throw error;
  }
}
