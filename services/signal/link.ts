import { Backoff, type BackoffOptions } from './backoff.ts';
import { dial } from './dial.ts';
import { errorCode, type Peer, RpcError } from './jsonrpc.ts';
import { limits } from './limits.ts';
import { pause } from './pause.ts';
import { nothing, number, shape, text } from './shape.ts';
import { UsageMeter } from './usage.ts';

/** viscript does not know this launch, or its token was used already. */
export class RegistrationRefused extends Error {
  override readonly name = 'RegistrationRefused';
  constructor(clientId: number, cause: RpcError) {
    super(`viscript refuses client ${clientId}: ${cause.message}`, { cause });
  }
}

export interface Credentials {
  /** `ws+unix:///PATH` (see `urlOfSocket`) or `ws://127.0.0.1:PORT`. */
  url: string;
  clientId: number;
  token: string;
}

export interface LinkOptions {
  backoff: BackoffOptions;
  /** viscript asks the app to end within `graceMs` milliseconds. */
  onShutdown(graceMs: number): void;
}

/** A session that lasted this long, in milliseconds, was a good one: the next loss is tried anew without waiting long. */
const stableMs = 5_000;

/** The connection to viscript, made anew whenever it is lost, until `close`. */
export class SignalLink {
  /** Resolves with the first registration; rejects when that is refused. */
  readonly registered: Promise<void>;
  readonly #credentials: Credentials;
  readonly #options: LinkOptions;
  readonly #backoff: Backoff;
  readonly #usage = new UsageMeter();
  readonly #closing = new AbortController();
  /** The last of each kind, to be said again after a new registration. */
  readonly #said = new Map<string, object>();
  #token: string;
  #peer: Peer | undefined;

  constructor(credentials: Credentials, options: LinkOptions) {
    this.#credentials = credentials;
    this.#options = options;
    this.#token = credentials.token;
    this.#backoff = new Backoff(options.backoff);
    this.registered = new Promise((resolve, reject) => void this.#run(resolve).catch(reject));
  }

  tell(method: 'app.ready' | 'app.status' | 'app.metrics', params: object): void {
    this.#said.set(method, params);
    this.#peer?.notify(method, params);
  }

  close(): void {
    this.#closing.abort();
    this.#usage.stop();
  }

  /** One session after the other. Only the refusal of the first is an error; whatever else fails is tried again. */
  async #run(onRegistered: () => void): Promise<void> {
    let first = true;
    while (!this.#closing.signal.aborted) {
      const start = performance.now();
      try {
        await this.#session(() => {
          first = false;
          onRegistered();
        });
      } catch (error) {
        if (first && error instanceof RegistrationRefused) {
          this.close();
          throw error;
        }
      }
      if (performance.now() - start >= stableMs) this.#backoff.reset();
      await pause(this.#backoff.next(), this.#closing.signal);
    }
  }

  /** Connects, registers, and returns when the connection has ended. */
  async #session(onRegistered: () => void): Promise<void> {
    const peer = await dial(this.#credentials.url, this.#closing.signal, { maxBytes: limits.messageBytes });
    const end = () => peer.close('the app is done');
    this.#closing.signal.addEventListener('abort', end, { once: true });
    try {
      this.#closing.signal.throwIfAborted();
      this.#serve(peer);
      await this.#register(peer);
      this.#peer = peer;
      for (const [method, params] of this.#said) peer.notify(method, params);
      onRegistered();
      await peer.closed;
    } finally {
      this.#peer = undefined;
      this.#closing.signal.removeEventListener('abort', end);
      peer.close('the registration failed');
    }
  }

  async #register(peer: Peer): Promise<void> {
    const { clientId } = this.#credentials;
    const params = { clientId, token: this.#token, pid: process.pid };
    try {
      this.#token = (await peer.call('app.register', params, tokenAnswer)).token;
    } catch (error) {
      if (error instanceof RpcError && error.code === errorCode.refused)
        throw new RegistrationRefused(clientId, error);
      throw error;
    }
  }

  #serve(peer: Peer): void {
    peer.handle('app.ping', nothing, () => ({}));
    peer.handle('app.usage', nothing, () => this.#usage.read());
    peer.handle('app.shutdown', shutdownParams, ({ grace }) => {
      // First the answer, then the end.
      setImmediate(() => this.#options.onShutdown(grace));
      return {};
    });
  }
}

const tokenAnswer = shape((fields) => ({ token: text(fields, 'token') }));

const shutdownParams = shape((fields) => ({ grace: number(fields, 'grace') }));
