import { type Channel, closeCode, defaultMaxBytes } from './channel.ts';
import {
  decode,
  type ErrorObject,
  encodeBatch,
  encodeError,
  encodeNotification,
  encodeRequest,
  encodeResult,
  errorCode,
  type Id,
  type Message,
  RpcError,
} from './codec.ts';
import { CallTimeout, ConnectionLost, InvalidResult, MessageTooLarge, PeerBusy } from './errors.ts';
import { RateLimit, type RateLimitOptions } from './ratelimit.ts';

export type { Channel } from './channel.ts';
export { errorCode, RpcError } from './codec.ts';
export { CallTimeout, ConnectionLost, InvalidResult, MessageTooLarge, PeerBusy } from './errors.ts';

/** Checks a value that came from outside; throws on a wrong one. A zod schema is one. */
export interface Parser<T> {
  parse(value: unknown): T;
}

export interface PeerOptions {
  /** Deadline of each call, in milliseconds. Default 5,000. */
  timeoutMs?: number;
  /** Largest message in either direction, in bytes of UTF-8. Default 1 MiB. */
  maxBytes?: number;
  /** Most unanswered calls, each direction counted for itself. Default 1,000. */
  maxPending?: number;
  /** Most messages the other end may send; past it the connection is closed. Default: any number. */
  rate?: RateLimitOptions;
  /** Treats wrong params like a malformed message: answered, then the connection is closed. Default false. */
  closeOnInvalidParams?: boolean;
}

export interface HandlerContext {
  /** Aborted when the connection ends: nobody waits for the answer any more. */
  signal: AbortSignal;
}

export interface CallOptions {
  /** Deadline in milliseconds, null for none. */
  timeoutMs?: number | null;
  /** Gives the call up: it rejects with the signal's reason and a late answer is ignored. */
  signal?: AbortSignal;
}

interface PendingCall {
  method: string;
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

/** What one received message leads to: an answer, the end of the connection, both, or neither. */
interface Outcome {
  text?: string;
  close?: string;
}

type Handler = (params: unknown) => unknown;

/**
 * One end of a JSON-RPC 2.0 connection. Both ends may call and serve.
 *
 * Invariants: messages are taken in the order in which they arrive; every request is answered once; every call
 * settles; after `closed` nothing is sent and no handler starts. A malformed message is answered, then the
 * connection is closed.
 */
export class Peer {
  /** Resolves, never rejects, with why the connection ended. */
  readonly closed: Promise<string>;
  readonly #channel: Channel;
  readonly #timeoutMs: number;
  readonly #maxBytes: number;
  readonly #maxPending: number;
  readonly #rate: RateLimit | undefined;
  readonly #closeOnInvalidParams: boolean;
  readonly #handlers = new Map<string, Handler>();
  readonly #pending = new Map<number, PendingCall>();
  readonly #end = new AbortController();
  readonly #resolveClosed: (reason: string) => void;
  #closeReason: string | undefined;
  #lastId = 0;
  #serving = 0;

  constructor(channel: Channel, options: PeerOptions = {}) {
    this.#channel = channel;
    this.#timeoutMs = options.timeoutMs ?? 5_000;
    this.#maxBytes = options.maxBytes ?? defaultMaxBytes;
    this.#maxPending = options.maxPending ?? 1_000;
    this.#rate = options.rate && new RateLimit(options.rate);
    this.#closeOnInvalidParams = options.closeOnInvalidParams ?? false;
    const { promise, resolve } = Promise.withResolvers<string>();
    this.closed = promise;
    this.#resolveClosed = resolve;
    channel.onMessage((text) => this.#receive(text));
    channel.onClose((reason) => this.#finish(reason));
  }

  /**
   * Serves `method`. What `parser` throws is answered as invalid params (−32602), an {@link RpcError} of `handler`
   * as itself, any other error as internal (−32603). Without params, `parser` gets `{}`.
   */
  handle<T>(
    method: string,
    parser: Parser<T>,
    handler: (params: T, context: HandlerContext) => unknown | Promise<unknown>,
  ): void {
    const context = { signal: this.#end.signal };
    this.#handlers.set(method, (params) => handler(this.#parse(method, parser, params), context));
  }

  /**
   * Calls `method` at the other end.
   * @throws {RpcError} what the other end answered
   * @throws {CallTimeout | ConnectionLost | InvalidResult | MessageTooLarge | PeerBusy}
   */
  async call<R>(method: string, params: object, result: Parser<R>, options: CallOptions = {}): Promise<R> {
    options.signal?.throwIfAborted();
    if (this.#closeReason !== undefined) throw new ConnectionLost(method, this.#closeReason);
    if (this.#pending.size >= this.#maxPending) throw new PeerBusy(method, this.#maxPending);
    const id = ++this.#lastId;
    const text = this.#bounded(method, encodeRequest(id, method, params));
    const answer = this.#await(id, method, options);
    this.#channel.send(text);
    const value = await answer;
    try {
      return result.parse(value);
    } catch (error) {
      throw new InvalidResult(method, error);
    }
  }

  /** Sends without asking for an answer; dropped when the connection is closed. @throws {MessageTooLarge} */
  notify(method: string, params: object): void {
    this.#channel.send(this.#bounded(method, encodeNotification(method, params)));
  }

  /** Resolves when the other end has taken what was sent so far, or the connection is closed. For back-pressure. */
  drained(): Promise<void> {
    return this.#channel.drained();
  }

  close(reason = 'closed', code: number = closeCode.normal): void {
    this.#channel.close(code, reason);
    this.#finish(reason);
  }

  #await(id: number, method: string, options: CallOptions): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const timeoutMs = options.timeoutMs === undefined ? this.#timeoutMs : options.timeoutMs;
    const timer =
      timeoutMs === null
        ? undefined
        : setTimeout(() => reject(new CallTimeout(method, timeoutMs)), timeoutMs);
    const abort = () => reject(options.signal?.reason);
    options.signal?.addEventListener('abort', abort, { once: true });
    this.#pending.set(id, { method, resolve, reject });
    return promise.finally(() => {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', abort);
      this.#pending.delete(id);
    });
  }

  #receive(text: string): void {
    if (this.#closeReason !== undefined) return;
    if (text.length > this.#maxBytes) {
      const message = `a message has more than ${this.#maxBytes} bytes`;
      this.#conclude({
        text: encodeError(null, { code: errorCode.invalidRequest, message }),
        close: message,
      });
      return;
    }
    const { batch, messages } = decode(text);
    if (this.#rate && !this.#rate.take(messages.length)) {
      this.close('the other end sends too many messages', closeCode.policy);
      return;
    }
    const outcomes = messages.map((message) => this.#take(message));
    if (batch) void Promise.all(outcomes).then((all) => this.#conclude(this.#joinBatch(all)));
    else for (const outcome of outcomes) void outcome.then((one) => this.#conclude(one));
  }

  /** Runs up to the handler's first await at once, so that messages take effect in their order. Never rejects. */
  async #take(message: Message): Promise<Outcome> {
    switch (message.kind) {
      case 'malformed':
        return { text: encodeError(message.id, message.error), close: message.error.message };
      case 'result':
        return this.#settle(message.id, (call) => call.resolve(message.result));
      case 'error':
        return this.#settle(message.id, (call) => call.reject(remoteError(message.error)), message.error);
      case 'notification':
        return await this.#serve(message.method, message.params, undefined);
      case 'request':
        return await this.#serve(message.method, message.params, message.id);
    }
  }

  #settle(id: Id, settle: (call: PendingCall) => void, error?: ErrorObject): Outcome {
    if (id === null && error) return { close: `the other end could not read a message: ${error.message}` };
    if (typeof id !== 'number' || !Number.isInteger(id) || id < 1 || id > this.#lastId) {
      return { close: 'an answer to no request' };
    }
    // No call of this id is left when it was given up before its answer came.
    const call = this.#pending.get(id);
    if (call) settle(call);
    return {};
  }

  /** @param id undefined for a notification, which is never answered */
  async #serve(method: string, params: unknown, id: Id | undefined): Promise<Outcome> {
    try {
      const result = await this.#run(method, params);
      return id === undefined ? {} : { text: this.#bounded(method, encodeResult(id, result)) };
    } catch (error) {
      const answer = error instanceof RpcError ? error : internalError(method, error);
      const close = answer.fatal ? { close: answer.message } : {};
      return id === undefined ? close : { text: encodeAnswer(id, method, answer), ...close };
    }
  }

  #parse<T>(method: string, parser: Parser<T>, params: unknown): T {
    try {
      return parser.parse(params);
    } catch (cause) {
      const message = `wrong params of ${method}: ${describe(cause)}`;
      throw new RpcError(errorCode.invalidParams, message, { cause, fatal: this.#closeOnInvalidParams });
    }
  }

  async #run(method: string, params: unknown): Promise<unknown> {
    const handler = this.#handlers.get(method);
    if (!handler)
      throw new RpcError(errorCode.methodNotFound, `no method ${JSON.stringify(method.slice(0, 100))}`);
    if (this.#serving >= this.#maxPending) {
      throw new RpcError(errorCode.busy, `more than ${this.#maxPending} requests at once`);
    }
    this.#serving++;
    try {
      return await handler(params);
    } finally {
      this.#serving--;
    }
  }

  #joinBatch(outcomes: readonly Outcome[]): Outcome {
    const answers = outcomes.flatMap(({ text }) => text ?? []);
    const close = outcomes.flatMap((outcome) => outcome.close ?? []).slice(0, 1);
    const joined: Outcome = close[0] === undefined ? {} : { close: close[0] };
    if (answers.length === 0) return joined;
    const text = encodeBatch(answers);
    if (Buffer.byteLength(text) <= this.#maxBytes) return { text, ...joined };
    const message = `the answers to this batch have more than ${this.#maxBytes} bytes`;
    return { text: encodeError(null, { code: errorCode.internal, message }), ...joined };
  }

  #conclude({ text, close }: Outcome): void {
    if (this.#closeReason !== undefined) return;
    if (text !== undefined) this.#channel.send(text);
    if (close !== undefined) this.close(close, closeCode.policy);
  }

  #bounded(method: string, text: string): string {
    const bytes = Buffer.byteLength(text);
    if (bytes > this.#maxBytes) throw new MessageTooLarge(method, bytes, this.#maxBytes);
    return text;
  }

  #finish(reason: string): void {
    if (this.#closeReason !== undefined) return;
    this.#closeReason = reason;
    this.#end.abort(new ConnectionLost('a request', reason));
    for (const call of this.#pending.values()) call.reject(new ConnectionLost(call.method, reason));
    this.#resolveClosed(reason);
  }
}

function internalError(method: string, error: unknown): RpcError {
  return new RpcError(errorCode.internal, `${method} failed: ${describe(error)}`, { cause: error });
}

function encodeAnswer(id: Id, method: string, error: RpcError): string {
  try {
    return encodeError(id, error.toJSON());
  } catch (cause) {
    return encodeError(id, internalError(method, cause).toJSON());
  }
}

function remoteError({ code, message, data }: ErrorObject): RpcError {
  return new RpcError(code, message, data === undefined ? {} : { data });
}

/** One line of bounded length. An error of zod lists its issues as JSON; people and logs want words. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (!('issues' in error) || !Array.isArray(error.issues)) return error.message.slice(0, 500);
  const issues: { path?: unknown[]; message?: string }[] = error.issues.slice(0, 5);
  return issues
    .map(({ path = [], message = '' }) => (path.length > 0 ? `${path.join('.')}: ${message}` : message))
    .join('; ')
    .slice(0, 500);
}
