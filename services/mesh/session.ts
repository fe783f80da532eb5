import { setMaxListeners } from 'node:events';
import { Socket } from 'node:net';
import type { PublicKey } from '../net/keys.ts';
import { WideSocket } from '../net/wide-socket.ts';
import { errorCode, Peer, RpcError } from '../signal/jsonrpc.ts';
import { channelOfSocket } from '../signal/lines.ts';
import { nothing, type Shape } from '../signal/shape.ts';
import { SocketChannel } from './channel.ts';
import { dialNode, type Introduced, introduce } from './dial.ts';
import {
  channelConnectedShape,
  connectedShape,
  type FirstLine,
  type Registered,
  registeredShape,
} from './first-line.ts';
import { controlOptions, incomingMethod, incomingShape } from './incoming.ts';
import { PassingLine } from './passing.ts';
import {
  MeshSocket,
  type Passer,
  type StreamOver,
  socketOptions,
  streamEndShape,
  streamMethods,
  streamOverShape,
  streamResetShape,
} from './stream.ts';
import { type Access, type MeshChannel, MeshError, type MeshStream, type Target } from './types.ts';

export interface SessionOptions {
  node: string;
  name: string;
  type: string;
  access: Access;
  /** Takes what others open; undefined when the app wants none. */
  onStream: ((stream: MeshStream) => void) | undefined;
  onChannel: ((channel: MeshChannel) => void) | undefined;
}

/** What is open, or being opened: told when the node ends it. */
interface Open {
  announceEnd?(bytes: number): void;
  announceOver?(over: StreamOver): void;
  cutOff(error: MeshError): void;
}

/** One registration at a node, from its beginning to its end, and the streams that live and die with it. */
export class AppSession {
  readonly node: PublicKey;
  /** Resolves, never rejects, with why it ended. */
  readonly closed: Promise<string>;
  readonly #options: SessionOptions;
  readonly #token: string;
  readonly #peer: Peer;
  readonly #open = new Map<number, Open>();
  readonly #end = new AbortController();
  /** Descriptors go over Unix sockets alone. */
  readonly #passer: Passer | undefined;
  /** Odd for what the app opens; the node announces with even ones. */
  #nextId = 1;

  /** @throws {MeshError} why the node does not take the registration; or the signal's reason */
  static async register(options: SessionOptions, signal: AbortSignal): Promise<AppSession> {
    const { node, name, type, access } = options;
    const socket = await dialNode(node, () => new Socket({ ...socketOptions, allowHalfOpen: false }), signal);
    const { answer } = await introduce(socket, { want: 'app', name, type, access }, registeredShape, signal);
    return new AppSession(options, answer, socket);
  }

  private constructor(options: SessionOptions, { node, token }: Registered, socket: Socket) {
    this.node = node;
    this.#options = options;
    this.#token = token;
    this.#peer = new Peer(channelOfSocket(socket, controlOptions), controlOptions);
    this.closed = this.#peer.closed.then((reason) => {
      this.#finish(reason);
      return reason;
    });
    setMaxListeners(0, this.#end.signal);
    if (options.node.includes('/'))
      this.#passer = new PassingLine(options.node, token, this.#peer, this.#end.signal);
    this.#serve();
  }

  async connect(to: Target, signal?: AbortSignal): Promise<MeshStream> {
    const id = this.#takeId();
    return this.#openStream({ want: 'stream', token: this.#token, id, to }, this.#until(signal));
  }

  async connectChannel(to: Target, signal?: AbortSignal): Promise<MeshChannel> {
    const id = this.#takeId();
    return this.#openChannel({ want: 'channel', token: this.#token, id, to }, this.#until(signal));
  }

  close(reason: string): void {
    this.#peer.close(reason);
  }

  #takeId(): number {
    const id = this.#nextId;
    this.#nextId += 2;
    return id;
  }

  #until(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.#end.signal : AbortSignal.any([signal, this.#end.signal]);
  }

  async #openStream(first: FirstLine & { id: number }, signal: AbortSignal): Promise<MeshStream> {
    const { id } = first;
    const tell = (method: string, params: object) => this.#peer.notify(method, params);
    const make = () => new MeshSocket(id, tell, this.#passer);
    const socket = await dialNode(this.#options.node, make, signal);
    this.#track(id, socket, socket);
    const { answer, sent, received } = await this.#introduce(socket, first, connectedShape, signal);
    socket.open(answer.remote, { sent, received });
    return socket;
  }

  async #openChannel(first: FirstLine & { id: number }, signal: AbortSignal): Promise<MeshChannel> {
    const { id } = first;
    const socket = await dialNode(this.#options.node, () => new WideSocket(socketOptions), signal);
    this.#track(id, socket, { cutOff: (error) => socket.destroy(error) });
    const { answer } = await this.#introduce(socket, first, channelConnectedShape, signal);
    const channel = new SocketChannel(socket, {
      ...answer,
      onClose: (reason) => this.#peer.notify(streamMethods.reset, { id, reason }),
    });
    this.#open.set(id, { cutOff: ({ message }) => channel.cutOff(message) });
    return channel;
  }

  async #introduce<T>(
    socket: Socket,
    first: FirstLine & { id: number },
    answer: Shape<T>,
    signal: AbortSignal,
  ): Promise<Introduced<T>> {
    try {
      return await introduce(socket, first, answer, signal);
    } catch (error) {
      // The node may have opened it meanwhile.
      this.#peer.notify(streamMethods.reset, { id: first.id, reason: 'the app has given up' });
      throw error;
    }
  }

  /** Called before anything is said: word of a stream may come sooner than the answer on its own socket. */
  #track(id: number, socket: Socket, open: Open): void {
    this.#open.set(id, open);
    socket.once('close', () => this.#open.delete(id));
  }

  #serve(): void {
    this.#peer.handle(incomingMethod, incomingShape, ({ id, kind }) => {
      const { onStream, onChannel } = this.#options;
      const first = { want: 'accept', token: this.#token, id } as const;
      if (kind === 'stream' && onStream) return this.#openStream(first, this.#end.signal).then(onStream);
      if (kind === 'channel' && onChannel) return this.#openChannel(first, this.#end.signal).then(onChannel);
      throw new RpcError(errorCode.refused, `${this.#options.name} takes no ${kind}s`);
    });
    this.#peer.handle(streamMethods.end, streamEndShape, ({ id, bytes }) =>
      this.#open.get(id)?.announceEnd?.(bytes),
    );
    this.#peer.handle(streamMethods.reset, streamResetShape, ({ id, reason }) =>
      this.#open.get(id)?.cutOff(new MeshError('reset', reason)),
    );
    this.#peer.handle(streamMethods.over, streamOverShape, (over) =>
      this.#open.get(over.id)?.announceOver?.(over),
    );
    this.#peer.handle('app.ping', nothing, () => ({}));
  }

  #finish(reason: string): void {
    const error = new MeshError('node-lost', `the connection to the node is lost: ${reason}`);
    this.#end.abort(error);
    for (const open of this.#open.values()) open.cutOff(error);
  }
}
