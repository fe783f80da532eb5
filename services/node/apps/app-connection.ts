import { randomBytes } from 'node:crypto';
import type { EventEmitter } from 'node:events';
import { SocketChannel } from '../../mesh/channel.ts';
import type { FirstLine } from '../../mesh/first-line.ts';
import { controlOptions, type Incoming, incomingMethod } from '../../mesh/incoming.ts';
import {
  type Held,
  streamEndShape,
  streamHoldShape,
  streamMethods,
  streamPassShape,
  streamResetShape,
} from '../../mesh/stream.ts';
import { type MeshChannel, MeshError, type MeshStream } from '../../mesh/types.ts';
import type { Descriptors } from '../../net/descriptors.ts';
import type { WideSocket } from '../../net/wide-socket.ts';
import { CallTimeout, errorCode, Peer, RpcError } from '../../signal/jsonrpc.ts';
import { channelOfSocket } from '../../signal/lines.ts';
import { nothing } from '../../signal/shape.ts';
import type { Carrier, LocalApp } from './carrier.ts';
import { bridgeChannels } from './channel-bridge.ts';
import { PassedSockets } from './passed-sockets.ts';
import { StreamBridge } from './stream-bridge.ts';

/** A socket that an app has opened for a stream or channel, and bytes of the lines that opened it. */
export interface Opened {
  socket: WideSocket;
  before: { sent: number; received: number };
}

/** A stream or channel that the app is told about by its number. */
interface Joined {
  announceEnd?(bytes: number): void;
  /** Undefined when it is too late for it. */
  hold?(): Held | undefined;
  unhold?(): void;
  pass?(bytes: number, take: () => WideSocket): void;
  reset(reason: string): void;
  orphan(reason: string): void;
}

/** What a stream or channel becomes once the app has opened a connection to accept it. */
interface Announced {
  incoming: Incoming;
  maxBytes: number | undefined;
  join(opened: Opened): void;
}

export interface AppConnectionOptions {
  carrier: Carrier;
  /** Longest time from the announcement of a stream until the app has opened a connection for it. */
  acceptMs: number;
}

/** An app of this node: its own connection, its name, and the streams that live and die with it. */
export class AppConnection {
  readonly name: string;
  /** Shows that a connection comes from this app. */
  readonly token = randomBytes(16).toString('base64url');
  /** Resolves, never rejects, with why it ended. */
  readonly closed: Promise<string>;
  readonly #acceptMs: number;
  readonly #peer: Peer;
  readonly #joined = new Map<number, Joined>();
  #line: PassedSockets | undefined;
  readonly #announced = new Map<number, Announced>();
  /** Even for what is announced; the app opens with odd ones. */
  #nextId = 2;

  /** Makes the app reachable. @throws {MeshError} `name-taken` */
  constructor(
    socket: WideSocket,
    { name, type, access }: FirstLine & { want: 'app' },
    { carrier, acceptMs }: AppConnectionOptions,
  ) {
    this.name = name;
    this.#acceptMs = acceptMs;
    const app: LocalApp = {
      name,
      type,
      access,
      accept: (stream) => this.#accept(stream),
      acceptChannel: (channel) => this.#acceptChannel(channel),
    };
    carrier.addApp(app);
    this.#peer = new Peer(channelOfSocket(socket, controlOptions), controlOptions);
    // At once, so that an app that was started anew takes its name back.
    socket.once('end', () => this.#peer.close('it has closed its connection'));
    this.#peer.handle('app.ping', nothing, () => ({}));
    this.#peer.handle(streamMethods.end, streamEndShape, ({ id, bytes }) =>
      this.#joined.get(id)?.announceEnd?.(bytes),
    );
    this.#peer.handle(streamMethods.reset, streamResetShape, ({ id, reason }) =>
      this.#joined.get(id)?.reset(reason),
    );
    this.#peer.handle(streamMethods.hold, streamHoldShape, ({ id }): Held => {
      const held = this.#joined.get(id)?.hold?.();
      if (held === undefined) throw new RpcError(errorCode.refused, `stream ${id} cannot be held`);
      return held;
    });
    this.#peer.handle(streamMethods.unhold, streamHoldShape, ({ id }) => this.#joined.get(id)?.unhold?.());
    this.#peer.handle(streamMethods.pass, streamPassShape, ({ id, bytes }) => this.#pass(id, bytes));
    this.closed = this.#peer.closed.then((reason) => {
      this.#line?.close();
      carrier.removeApp(name);
      for (const joined of this.#joined.values()) joined.orphan(`${name} is gone: ${reason}`);
      return reason;
    });
  }

  close(reason: string): void {
    this.#peer.close(reason);
  }

  /**
   * Takes a number for something that the app opens.
   * @returns what ends the opening when the app resets it or is gone
   * @throws {MeshError} `invalid` when the number is in use
   */
  claim(id: number): AbortController {
    if (id % 2 === 0 || this.#joined.has(id))
      throw new MeshError(
        'invalid',
        `${id} is no number for a new stream: give an odd one that is not in use`,
      );
    const limit = new AbortController();
    const reset = (reason: string) => limit.abort(new MeshError('reset', reason));
    this.#joined.set(id, { reset, orphan: reset });
    return limit;
  }

  /** What was to be opened under this number is not. */
  release(id: number): void {
    this.#joined.delete(id);
  }

  /** Takes the line over which the app sends sockets, in place of the one before. */
  takeLine(socket: WideSocket, descriptors: Descriptors): void {
    this.#line?.close();
    this.#line = new PassedSockets(socket, descriptors);
  }

  joinStream({ socket, before }: Opened, id: number, stream: MeshStream): void {
    const bridge = new StreamBridge(socket, stream, {
      id,
      before,
      tell: (method, params) => this.#tell(method, params),
      onClosed: () => this.#joined.delete(id),
    });
    this.#joined.set(id, bridge);
  }

  joinChannel({ socket }: Opened, id: number, channel: MeshChannel): void {
    const { remote, maxBytes } = channel;
    const onClose = (reason: string) => this.#tell(streamMethods.reset, { id, reason });
    const local = new SocketChannel(socket, { remote, maxBytes, onClose });
    const reset = (reason: string) => local.cutOff(reason);
    this.#joined.set(id, { reset, orphan: reset });
    local.once('close', () => this.#joined.delete(id));
    bridgeChannels(local, channel);
  }

  /** What waits under this number for the app to accept it. @throws {MeshError} `not-found` when it came too late */
  announced(id: number): Announced {
    const announced = this.#announced.get(id);
    if (!announced) throw new MeshError('not-found', `nothing waits to be accepted under ${id}`);
    return announced;
  }

  /** The app has sent a socket to go on in place of a stream's own. */
  #pass(id: number, bytes: number): void {
    const line = this.#line;
    if (line === undefined) throw new RpcError(errorCode.refused, 'there is no line for sockets');
    const joined = this.#joined.get(id);
    // Also for a stream that is over by now: it must not wait for the next one.
    if (joined?.pass) joined.pass(bytes, () => line.take(id));
    else line.take(id).destroy();
  }

  async #accept(stream: MeshStream): Promise<void> {
    await this.#announce('stream', stream, undefined, (opened, id) => this.joinStream(opened, id, stream));
  }

  async #acceptChannel(channel: MeshChannel): Promise<void> {
    await this.#announce('channel', channel, channel.maxBytes, (opened, id) =>
      this.joinChannel(opened, id, channel),
    );
  }

  async #announce(
    kind: Incoming['kind'],
    end: MeshStream | MeshChannel,
    maxBytes: number | undefined,
    join: (opened: Opened, id: number) => void,
  ): Promise<void> {
    const id = this.#nextId;
    this.#nextId += 2;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const incoming = { id, kind, remote: end.remote };
    const gone = () => reject(new MeshError('reset', 'the other end has given up'));
    (end as EventEmitter).once('close', gone);
    this.#announced.set(id, {
      incoming,
      maxBytes,
      join: (opened) => {
        this.#announced.delete(id);
        join(opened, id);
        resolve();
      },
    });
    // Whichever fails or comes first; a stream that is joined already takes no harm from an answer that fails then.
    this.#peer.call(incomingMethod, incoming, anything, { timeoutMs: this.#acceptMs }).catch(reject);
    try {
      await promise;
    } catch (error) {
      throw this.#refusal(error);
    } finally {
      this.#announced.delete(id);
      (end as EventEmitter).off('close', gone);
    }
  }

  #refusal(error: unknown): MeshError {
    if (error instanceof MeshError) return error;
    if (error instanceof CallTimeout)
      return new MeshError('timeout', `${this.name} did not accept within ${this.#acceptMs / 1000} s`);
    if (error instanceof RpcError) return new MeshError('refused', error.message, { cause: error });
    return new MeshError('refused', `${this.name} is gone`, { cause: error });
  }

  #tell(method: string, params: object): void {
    this.#peer.notify(method, params);
  }
}

const anything = { parse: () => undefined };
