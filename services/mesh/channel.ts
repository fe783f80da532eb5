import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { DatagramSplitter, encodeDatagrams } from './datagrams.ts';
import type { ChannelEvents, MeshChannel, Remote } from './types.ts';

/** Unsent bytes past which datagrams are dropped: about 10 ms of a fast connection. */
const maxWaitingBytes = 256 * 1024;

export interface SocketChannelOptions {
  remote: Remote;
  maxBytes: number;
  /** This end has closed the channel, and the other end is to be told. */
  onClose(reason: string): void;
}

/** A channel on the socket between an app and its node; serves both ends of it. The socket belongs to it. */
export class SocketChannel extends EventEmitter<ChannelEvents> implements MeshChannel {
  readonly remote: Remote;
  readonly maxBytes: number;
  readonly #socket: Socket;
  readonly #options: SocketChannelOptions;
  readonly #splitter = new DatagramSplitter();
  #reason: string | undefined;

  constructor(socket: Socket, options: SocketChannelOptions) {
    super();
    this.remote = options.remote;
    this.maxBytes = options.maxBytes;
    this.#socket = socket;
    this.#options = options;
    socket.on('data', (chunk: Buffer) => {
      for (const payload of this.#splitter.push(chunk)) this.#take(payload);
    });
    socket.once('error', (error) => {
      this.#reason ??= error.message;
    });
    socket.once('end', () => this.cutOff('the other end closed the channel'));
    socket.once('close', () => this.emit('close', this.#reason ?? 'closed'));
  }

  send(payloads: readonly Buffer[]): void {
    for (const { length } of payloads)
      if (length > this.maxBytes)
        throw new RangeError(
          `a datagram of ${length} bytes is longer than the ${this.maxBytes} of this channel`,
        );
    if (this.#reason !== undefined || payloads.length === 0) return;
    if (this.#socket.writableLength <= maxWaitingBytes) this.#socket.write(encodeDatagrams(payloads));
  }

  close(reason = 'closed'): void {
    if (this.#reason !== undefined) return;
    this.#options.onClose(reason);
    this.cutOff(reason);
  }

  /** The channel is over, and nobody needs to be told. */
  cutOff(reason: string): void {
    this.#reason ??= reason;
    this.#socket.destroy();
  }

  #take(payload: Buffer): void {
    if (this.#reason !== undefined) return;
    if (payload.length > this.maxBytes) this.close(`a datagram of ${payload.length} bytes is too long`);
    else this.emit('message', payload);
  }
}
