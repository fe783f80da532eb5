import { EventEmitter } from 'node:events';
import type { PublicKey } from '../net/keys.ts';
import { Backoff, type BackoffOptions } from '../signal/backoff.ts';
import { pause } from '../signal/pause.ts';
import { AppSession } from './session.ts';
import { type Access, type MeshChannel, MeshError, type MeshStream, type Target } from './types.ts';

export interface MeshAppOptions {
  /** HOST:PORT of the node's app port, or the path of its Unix socket (with a `/` in it). */
  node: string;
  /** By which others connect to this app; unique at its node. */
  name: string;
  /** What the app does, the same for all that do it. */
  type: string;
  /** Whose streams the app takes; a list may have 48 keys. Default: those of its own rack. */
  access?: Access | undefined;
  /** Takes streams. When it throws or rejects, the stream is reset and the error's message is the reason. */
  onStream?: ((stream: MeshStream) => void | Promise<void>) | undefined;
  onChannel?: ((channel: MeshChannel) => void) | undefined;
  /** Told what keeps the app from its node before `start` resolves; later there is the event `problem`. */
  onProblem?: ((message: string) => void) | undefined;
  /** Closes the app. */
  signal?: AbortSignal | undefined;
  /** Delays between attempts to come back to the node. */
  backoff?: BackoffOptions | undefined;
}

export interface MeshAppEvents {
  /** The app is known to this node, again. */
  registered: [node: PublicKey];
  /** The node is gone, and with it every stream; it is tried again until `close`. */
  lost: [reason: string];
  /** Something went wrong that no call tells. */
  problem: [message: string];
}

export interface ConnectOptions {
  signal?: AbortSignal | undefined;
}

/** A registration that lasted this long, in milliseconds, was a good one: its loss is mended without waiting long. */
const stableMs = 5_000;

/** An app in the mesh. It stays registered at its node until it is closed, whatever becomes of the node. */
export class MeshApp extends EventEmitter<MeshAppEvents> {
  readonly #options: MeshAppOptions;
  readonly #backoff: Backoff;
  readonly #closing = new AbortController();
  readonly #first = Promise.withResolvers<void>();
  readonly #ended: Promise<void>;
  #session: AppSession | undefined;
  #node: PublicKey | undefined;

  /**
   * Registers the app; a node that does not answer is waited for.
   * @throws {MeshError} `name-taken` or `invalid`; or the signal's reason
   */
  static async start(options: MeshAppOptions): Promise<MeshApp> {
    const app = new MeshApp(options);
    try {
      await app.#first.promise;
      return app;
    } catch (error) {
      await app.close();
      throw error;
    }
  }

  private constructor(options: MeshAppOptions) {
    super();
    this.#options = options;
    this.#backoff = new Backoff(options.backoff ?? { firstMs: 50, maxMs: 5_000 });
    const abort = () => this.#closing.abort(options.signal?.reason);
    options.signal?.addEventListener('abort', abort, { once: true });
    this.#closing.signal.addEventListener('abort', () => options.signal?.removeEventListener('abort', abort));
    if (options.signal?.aborted) abort();
    this.#ended = this.#run();
  }

  /** The node that the app is, or was last, registered at. */
  get node(): PublicKey {
    if (this.#node === undefined) throw new Error('the app is not registered yet');
    return this.#node;
  }

  /** @throws {MeshError} or the signal's reason */
  async connect(to: Target, options: ConnectOptions = {}): Promise<MeshStream> {
    return this.#guard(await this.#attached().connect(to, options.signal));
  }

  /** @throws {MeshError} or the signal's reason */
  async connectChannel(to: Target, options: ConnectOptions = {}): Promise<MeshChannel> {
    return this.#attached().connectChannel(to, options.signal);
  }

  /** Frees the name. Streams that are open are reset; what was sent on those that are finished still arrives. */
  async close(): Promise<void> {
    this.#closing.abort(new MeshError('node-lost', 'the app was closed'));
    await this.#ended;
  }

  #attached(): AppSession {
    if (this.#session) return this.#session;
    throw new MeshError('node-lost', `the node on ${this.#options.node} is gone for now; it is tried again`);
  }

  /** One registration after the other. Only what the first one cannot mend is an error. */
  async #run(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const start = performance.now();
      try {
        await this.#register(signal);
      } catch (error) {
        if (!signal.aborted) this.#judge(error);
      }
      if (performance.now() - start >= stableMs) this.#backoff.reset();
      await pause(this.#backoff.next(), signal);
    }
    this.#first.reject(signal.reason);
  }

  /** Returns when the registration has ended. */
  async #register(signal: AbortSignal): Promise<void> {
    const { name, type, access = 'rack', node } = this.#options;
    const session = await AppSession.register(
      { node, name, type, access, onStream: this.#streamTaker(), onChannel: this.#options.onChannel },
      signal,
    );
    const end = () => session.close('the app was closed');
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    this.#session = session;
    this.#node = session.node;
    this.#first.resolve();
    this.emit('registered', session.node);
    const reason = await session.closed;
    signal.removeEventListener('abort', end);
    this.#session = undefined;
    if (!signal.aborted) this.emit('lost', reason);
  }

  #judge(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    if (this.#node === undefined) {
      if (error instanceof MeshError && error.code === 'node-lost') this.#options.onProblem?.(message);
      else this.#closing.abort(error);
    } else this.emit('problem', message);
  }

  #streamTaker(): ((stream: MeshStream) => void) | undefined {
    const { onStream } = this.#options;
    if (!onStream) return undefined;
    return (stream) => {
      this.#guard(stream);
      void take(onStream, stream).catch((error: unknown) => {
        stream.destroy(error instanceof Error ? error : new Error(String(error)));
      });
    };
  }

  /** An app that does not listen for the errors of a stream must not end with it; it is told here. */
  #guard(stream: MeshStream): MeshStream {
    const ours = stream.listenerCount('error') + 1;
    stream.on('error', (error) => {
      if (stream.listenerCount('error') === ours && !this.#closing.signal.aborted)
        this.emit('problem', `${stream.remote.app} at ${stream.remote.node}: ${error.message}`);
    });
    return stream;
  }
}

async function take(
  onStream: (stream: MeshStream) => void | Promise<void>,
  stream: MeshStream,
): Promise<void> {
  await onStream(stream);
}
