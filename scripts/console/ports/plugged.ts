import { realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Adapter, findAdapters, type Roots } from './adapters.ts';
import { isSocketName } from './socket.ts';

/** The adapters that are plugged in at one moment, by all that they can be called. */
export class Plugged {
  readonly adapters: readonly Adapter[];

  private constructor(adapters: readonly Adapter[]) {
    this.adapters = adapters;
  }

  static async look(roots: Roots): Promise<Plugged> {
    return new Plugged(await findAdapters(roots));
  }

  /** @param place a socket, by either of its names, or a path that leads to an adapter's device */
  at(place: string): Adapter | undefined {
    if (isSocketName(place))
      return this.adapters.find(({ name, byController }) => name === place || byController === place);
    const device = realPath(place);
    return this.adapters.find((adapter) => realPath(adapter.device) === device);
  }

  /** Whether two sockets or paths mean the same port, as far as that can be told now. */
  same(one: string, other: string): boolean {
    if (one === other) return true;
    const device = this.#deviceOf(one);
    return device !== undefined && device === this.#deviceOf(other);
  }

  /** Undefined for a socket that nothing is plugged into. */
  #deviceOf(place: string): string | undefined {
    const path = isSocketName(place) ? this.at(place)?.device : place;
    return path === undefined ? undefined : realPath(path);
  }
}

/** Where a path leads through all links; the path itself where it leads nowhere. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    // Whatever the reason: whoever opens the port is told it.
    return resolve(path);
  }
}
