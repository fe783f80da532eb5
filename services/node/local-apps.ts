import { MeshError } from '../mesh/types.ts';
import { limits } from '../net/control/messages.ts';
import type { PublicKey } from '../net/keys.ts';
import type { LocalApp } from './apps/carrier.ts';
import { CircuitChannel } from './streams/channel.ts';
import type { Opening } from './streams/frames.ts';
import type { CircuitStream } from './streams/stream.ts';

/** The apps at this node that can be reached, and who may reach them. */
export class LocalApps {
  readonly #apps = new Map<string, LocalApp>();
  readonly #isMember: (key: PublicKey) => boolean;

  /** @param isMember whether a node belongs to the rack of this one */
  constructor(isMember: (key: PublicKey) => boolean) {
    this.#isMember = isMember;
  }

  get all(): LocalApp[] {
    return [...this.#apps.values()];
  }

  get(name: string): LocalApp | undefined {
    return this.#apps.get(name);
  }

  /** @throws {MeshError} `name-taken`, or `refused` when there are too many */
  add(app: LocalApp): void {
    if (this.#apps.has(app.name))
      throw new MeshError('name-taken', `there is an app ${app.name} at this node already`);
    // The manager is told of all of them at once.
    if (this.#apps.size >= limits.apps)
      throw new MeshError('refused', `there are ${limits.apps} apps at this node already`);
    this.#apps.set(app.name, app);
  }

  /** @returns whether it was there */
  remove(name: string): boolean {
    return this.#apps.delete(name);
  }

  /** Hands over what another node opens. Before a byte of it is read, it is known who that is. @throws {MeshError} */
  async accept({ app: name, kind }: Opening, end: CircuitStream | CircuitChannel): Promise<void> {
    const app = this.#apps.get(name);
    if (app === undefined) throw new MeshError('not-found', `there is no app ${name} at this node`);
    if (!this.admits(app, end.remote.node))
      throw new MeshError('refused', `${name} does not take this node's streams`);
    if (end instanceof CircuitChannel) await app.acceptChannel(end);
    else if (kind === 'stream') await app.accept(end);
  }

  admits({ access }: LocalApp, node: PublicKey): boolean {
    if (access === 'mesh') return true;
    return access === 'rack' ? this.#isMember(node) : access.includes(node);
  }
}
