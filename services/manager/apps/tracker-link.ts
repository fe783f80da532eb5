import { type Entry, type Found, TrackerClient, trackerError } from '../../names/client.ts';
import type { PublicKey } from '../../net/keys.ts';
import { Backoff } from '../../signal/backoff.ts';
import { RpcError } from '../../signal/jsonrpc.ts';
import { pause } from '../../signal/pause.ts';

/** An app that is to be in the tracker, and what proves that this manager put it there. */
export interface Registered {
  entry: Entry & { node: PublicKey };
  secret: string;
}

export interface TrackerLinkOptions {
  /** HOST:PORT. */
  address: string;
  /** All that are to be registered, asked for when the connection is new and at each renewal. */
  registered(): Iterable<Registered>;
  /** Whether the tracker has this app now, or another one under its name. */
  onAnswer(app: Registered, answer: 'registered' | 'taken'): void;
  /** What went wrong; it is tried again. */
  onProblem(message: string): void;
  /** Milliseconds. Default 30,000. */
  leaseMs?: number | undefined;
}

/** One connection to the tracker, made anew whenever it is lost, over which all leases are kept. */
export class TrackerLink {
  readonly #options: TrackerLinkOptions & { leaseMs: number };
  readonly #end = new AbortController();
  readonly #ended: Promise<void>;
  #client: TrackerClient | undefined;
  /** Told once, not at each of many attempts. */
  #lastProblem = '';

  constructor(options: TrackerLinkOptions) {
    this.#options = { ...options, leaseMs: options.leaseMs ?? 30_000 };
    this.#ended = this.#run();
  }

  /** Leaves the leases to end by themselves: a manager that is started anew takes them back. */
  async stop(): Promise<void> {
    this.#end.abort();
    await this.#ended;
  }

  /** Registers one app at once. Resolves also when the tracker cannot be reached; the app is registered later then. */
  async register(app: Registered): Promise<void> {
    const client = this.#client;
    if (client === undefined) return;
    try {
      await this.#register(client, app);
    } catch (error) {
      this.#lose(client, error);
    }
  }

  /** Frees a name, if the tracker can be reached and this manager holds it. */
  async release({ entry, secret }: Registered): Promise<void> {
    const client = this.#client;
    try {
      await client?.release(entry.name, secret);
    } catch (error) {
      // The tracker has it not, or another one has it: then it is as it should be.
      if (client !== undefined && !(error instanceof RpcError)) this.#lose(client, error);
    }
  }

  /** @returns undefined when the tracker cannot be reached */
  async find(query: { name?: string; type?: string }): Promise<Found[] | undefined> {
    const client = this.#client;
    try {
      return await client?.find(query);
    } catch (error) {
      if (client !== undefined) this.#lose(client, error);
      return undefined;
    }
  }

  async #run(): Promise<void> {
    const backoff = new Backoff({ firstMs: 200, maxMs: 10_000 });
    while (!this.#end.signal.aborted) {
      try {
        await this.#hold(backoff);
      } catch (error) {
        if (this.#end.signal.aborted) return;
        this.#tell(`apptracker on ${this.#options.address}: ${messageOf(error)}`);
      }
      await pause(backoff.next(), this.#end.signal);
    }
  }

  /** One connection's time. */
  async #hold(backoff: Backoff): Promise<void> {
    const client = await TrackerClient.connect(this.#options.address, this.#end.signal);
    const over = new AbortController();
    const signal = AbortSignal.any([this.#end.signal, over.signal]);
    try {
      this.#client = client;
      for (;;) {
        for (const app of this.#options.registered()) await this.#register(client, app);
        backoff.reset();
        this.#lastProblem = '';
        const lost = await Promise.race([pause(this.#options.leaseMs / 3, signal), client.closed]);
        if (this.#end.signal.aborted) return;
        if (lost !== undefined) throw new Error(lost);
      }
    } finally {
      over.abort();
      this.#client = undefined;
      client.close();
    }
  }

  /** Renews just as well. @throws when the connection is lost */
  async #register(client: TrackerClient, app: Registered): Promise<void> {
    try {
      await client.register(app.entry, app.secret, this.#options.leaseMs);
      this.#options.onAnswer(app, 'registered');
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      if (error.code === trackerError.nameTaken) this.#options.onAnswer(app, 'taken');
      else this.#tell(`${app.entry.name} is not in the apptracker: ${error.message}`);
    }
  }

  #lose(client: TrackerClient, error: unknown): void {
    this.#tell(`apptracker on ${this.#options.address}: ${messageOf(error)}`);
    client.close();
  }

  #tell(problem: string): void {
    if (problem === this.#lastProblem) return;
    this.#lastProblem = problem;
    this.#options.onProblem(problem);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
