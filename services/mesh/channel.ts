import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { takeBytes } from '../net/wide-socket.ts';
import { DatagramSplitter, encodeDatagrams } from './datagrams.ts';
import type { ChannelEvents, MeshChannel, Remote } from './types.ts';

/** Unsent bytes that a channel may have whatever other channels do. */
const sureBytes = 256 * 1024;
/** Unsent bytes past which datagrams are dropped: about 10 ms of a fast connection. */
const maxWaitingBytes = 2 * 1024 * 1024;
/** Unsent bytes of all channels of this process past which none may have more than {@link sureBytes}. */
const maxWaitingInAll = 16 * 1024 * 1024;

let waitingInAll = 0;

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
    takeBytes(socket, (chunk) => {
      for (const payload of this.#splitter.push(chunk)) this.#take(payload);
    });
    socket.on('drain', () => this.emit('drain'));
    socket.once('error', (error) => {
      this.#reason ??= error.message;
    });
    socket.once('end', () => this.cutOff('the other end closed the channel'));
    socket.once('close', () => this.emit('close', this.#reason ?? 'closed'));
  }

  get isFull(): boolean {
    return this.#reason === undefined && this.#socket.writableNeedDrain;
  }

  send(payloads: readonly Buffer[]): number {
    for (const { length } of payloads)
      if (length > this.maxBytes)
        throw new RangeError(
          `a datagram of ${length} bytes is longer than the ${this.maxBytes} of this channel`,
        );
    if (this.#reason !== undefined) return payloads.length;
    const limit = waitingInAll < maxWaitingInAll ? maxWaitingBytes : sureBytes;
    let room = limit - this.#socket.writableLength;
    const taken = payloads.filter(({ length }) => {
      if (length > room) return false;
      room -= length;
      return true;
    });
    if (taken.length > 0) this.#write(encodeDatagrams(taken));
    return payloads.length - taken.length;
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

  #write(pieces: readonly Buffer[]): void {
    const socket = this.#socket;
    socket.cork();
    for (const piece of pieces) {
      waitingInAll += piece.length;
      socket.write(piece, () => {
        waitingInAll -= piece.length;
      });
    }
    socket.uncork();
  }

  #take(payload: Buffer): void {
    if (this.#reason !== undefined) return;
    if (payload.length > this.maxBytes) this.close(`a datagram of ${payload.length} bytes is too long`);
    else this.emit('message', payload);
  }
}
