/** What an app needs to be found, and to find others, through the tracker. */
import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { formatAddress, parseAddress } from '../net/address.ts';
import { writeDurably } from '../net/durable-file.ts';
import { Backoff, type BackoffOptions } from '../signal/backoff.ts';
import { dial } from '../signal/dial.ts';
import { type Peer, RpcError } from '../signal/jsonrpc.ts';
import { pause } from '../signal/pause.ts';
import { type Entry, type Found, findAnswer, leaseAnswer, limits, trackerError } from './messages.ts';

export { type Entry, type Found, trackerError } from './messages.ts';

/** Apps that one question may bring, many times what a tracker holds. */
const maxFound = 100_000;

/** A tracker gives answers that have no end. */
export class EndlessAnswer extends Error {
  override readonly name = 'EndlessAnswer';
  constructor() {
    super('the tracker answers without end: is that an apptracker?');
  }
}

/** One connection to a tracker. What is registered over it outlives it, until the lease ends. */
export class TrackerClient {
  /** Resolves with why the connection ended. */
  readonly closed: Promise<string>;
  readonly #peer: Peer;

  /** @param address HOST:PORT of the tracker */
  static async connect(
    address: string,
    signal: AbortSignal = new AbortController().signal,
  ): Promise<TrackerClient> {
    const url = `ws://${formatAddress(parseAddress(address))}/`;
    return new TrackerClient(await dial(url, signal, { maxBytes: limits.messageBytes }));
  }

  private constructor(peer: Peer) {
    this.#peer = peer;
    this.closed = peer.closed;
  }

  /**
   * Takes a name, or takes it back with the secret of before.
   * @param leaseMs after this long without {@link renew} the name is free again
   * @throws {RpcError} with a code of {@link trackerError}
   */
  async register(entry: Entry, secret: string, leaseMs: number = limits.leaseMs.default): Promise<void> {
    await this.#peer.call('tracker.register', { ...entry, secret, lease: leaseMs }, leaseAnswer);
  }

  /** @throws {RpcError} with a code of {@link trackerError} */
  async renew(name: string, secret: string): Promise<void> {
    await this.#peer.call('tracker.renew', { name, secret }, leaseAnswer);
  }

  /** Frees the name at once. @throws {RpcError} with a code of {@link trackerError} */
  async release(name: string, secret: string): Promise<void> {
    await this.#peer.call('tracker.release', { name, secret }, { parse: () => undefined });
  }

  /** Every app that fits, sorted by name: the one of a name, those of a type, or all. @throws {EndlessAnswer} */
  async find(query: { name?: string; type?: string } = {}): Promise<Found[]> {
    const found: Found[] = [];
    let after: string | undefined;
    // Names are letters, digits, ".", "_" and "-": each page begins behind the last, and '~' is behind them all.
    do {
      const params = { ...query, after };
      const { apps, next } = await this.#peer.call('tracker.find', params, findAnswer);
      if (found.length + apps.length > maxFound || (next ?? '~') <= (after ?? '')) throw new EndlessAnswer();
      found.push(...apps);
      after = next;
    } while (after !== undefined);
    return found;
  }

  close(): void {
    this.#peer.close('done');
  }
}

export interface RegistrationOptions {
  /** HOST:PORT of the tracker. */
  address: string;
  entry: Entry;
  /** See {@link loadOwnerSecret}. */
  secret: string;
  leaseMs?: number;
  /** Delays between attempts to come back. */
  backoff?: BackoffOptions;
}

/**
 * Keeps an app registered for as long as it runs: renews the lease, and registers anew after a lost connection, a
 * restarted tracker or a name that was held by another. `failed` tells why it is not registered now; it goes on trying.
 */
export class Registration extends EventEmitter<{ registered: []; failed: [error: Error] }> {
  readonly #options: RegistrationOptions;
  readonly #leaseMs: number;
  readonly #end = new AbortController();
  readonly #ended: Promise<void>;

  constructor(options: RegistrationOptions) {
    super();
    this.#options = options;
    this.#leaseMs = options.leaseMs ?? limits.leaseMs.default;
    this.#ended = this.#run(new Backoff(options.backoff ?? { firstMs: 200, maxMs: 10_000 }));
  }

  /** Stops renewing and frees the name at once where the tracker can be reached; else the lease ends by itself. */
  async release(): Promise<void> {
    this.#end.abort();
    await this.#ended;
  }

  async #run(backoff: Backoff): Promise<void> {
    while (!this.#end.signal.aborted) {
      try {
        await this.#hold(backoff);
      } catch (error) {
        if (this.#end.signal.aborted) return;
        this.emit('failed', error instanceof Error ? error : new Error(String(error)));
      }
      await pause(backoff.next(), this.#end.signal);
    }
  }

  /** One connection's time; returns when the registration is released, throws when it is lost. */
  async #hold(backoff: Backoff): Promise<void> {
    const { address, entry, secret } = this.#options;
    const client = await TrackerClient.connect(address, this.#end.signal);
    const holding = new AbortController();
    const over = AbortSignal.any([this.#end.signal, holding.signal]);
    try {
      await client.register(entry, secret, this.#leaseMs);
      backoff.reset();
      this.emit('registered');
      for (;;) {
        const lost = await Promise.race([pause(this.#leaseMs / 3, over), client.closed]);
        if (lost !== undefined) throw new Error(`lost the tracker on ${address}: ${lost}`);
        if (this.#end.signal.aborted) return await client.release(entry.name, secret);
        await this.#renew(client);
      }
    } finally {
      holding.abort();
      client.close();
    }
  }

  async #renew(client: TrackerClient): Promise<void> {
    const { entry, secret } = this.#options;
    try {
      await client.renew(entry.name, secret);
    } catch (error) {
      // This process stood still for longer than its lease; the tracker forgot it meanwhile.
      if (!(error instanceof RpcError) || error.code !== trackerError.notRegistered) throw error;
      await client.register(entry, secret, this.#leaseMs);
    }
  }
}

/**
 * The secret that proves, after a restart, that this is still the same app. Made and kept in `file` (mode 0600) the
 * first time; the app's own state folder (STATE_DIRECTORY) is the place for it. It is whole and on the disk before
 * anybody is told it. One app a file.
 */
export async function loadOwnerSecret(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
  const secret = randomBytes(32).toString('base64url');
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await writeDurably(file, `${secret}\n`, 0o600);
  return secret;
}
