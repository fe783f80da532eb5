import { setTimeout as delay } from 'node:timers/promises';
import { type Host, Lab } from '../../lib/lab.ts';

export const [NEAR, FAR] = ['near', 'far'];
const RELAYS = ['upper', 'lower'];

/** How long bytes are counted to see which way they take. */
const lookMs = 300;

/**
 * Two hosts, and two relays between them with a cable to each: two ways that share nothing. All cables have the same
 * bandwidth in both directions.
 */
export class TwoWays implements AsyncDisposable {
  readonly lab = new Lab();
  readonly #hosts = new Map<string, Host>();

  /** @param megabits per second of every cable */
  static async lay(megabits: number): Promise<TwoWays> {
    const ways = new TwoWays();
    try {
      await ways.#lay(megabits);
      return ways;
    } catch (error) {
      await ways[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor() {}

  get near(): Host {
    return this.host(NEAR);
  }

  get far(): Host {
    return this.host(FAR);
  }

  get relays(): Host[] {
    return RELAYS.map((name) => this.host(name));
  }

  get hosts(): Host[] {
    return [...this.#hosts.values()];
  }

  host(name: string): Host {
    const host = this.#hosts.get(name);
    if (host === undefined) throw new Error(`there is no host ${name}`);
    return host;
  }

  /** The address of a host on its cable to another one. */
  address(of: string, to: string): string {
    return this.host(of).addresses.get(to) ?? '';
  }

  /** The relay over which most comes to the near host now. */
  async wayInUse(): Promise<Host> {
    const count = () => Promise.all(RELAYS.map((name) => this.near.receivedFrom(name)));
    const before = await count();
    await delay(lookMs);
    const after = await count();
    const came = after.map((bytes, at) => bytes - (before[at] ?? 0));
    return this.host(RELAYS[came.indexOf(Math.max(...came))] ?? '');
  }

  /**
   * Takes a relay's cable to the near host out, at the relay. The far host, which sends, sees nothing of it, and no program
   * is told: what was sent gets lost.
   */
  async cut(relay: Host): Promise<void> {
    await relay.setLink(NEAR, 'down');
  }

  async mend(relay: Host): Promise<void> {
    await relay.setLink(NEAR, 'up');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab[Symbol.asyncDispose]();
  }

  async #lay(megabits: number): Promise<void> {
    for (const name of [NEAR, FAR, ...RELAYS]) this.#hosts.set(name, await this.lab.host(name));
    for (const end of [NEAR, FAR]) {
      for (const relay of RELAYS) {
        await this.lab.connect(end, relay);
        await this.#limit(end, relay, megabits);
        await this.#limit(relay, end, megabits);
      }
    }
  }

  async #limit(from: string, to: string, megabits: number): Promise<void> {
    const host = this.host(from);
    const bucket = ['tbf', 'rate', `${megabits}mbit`, 'burst', '256k', 'latency', '20ms'];
    await host.run('tc', 'qdisc', 'add', 'dev', host.device(to), 'root', ...bucket);
  }
}
