import { Socket, type SocketConstructorOpts } from 'node:net';
import type { Duplex } from 'node:stream';
import { streamBufferBytes } from './transport/transport.ts';

/** Bytes that one read may bring: Node's own 64 KiB cost a bulk transfer three times as many turns of the event loop. */
const chunkBytes = 192 * 1024;
/** The same where they are taken at once: few records of a link are cut by the end of so many. */
const takenBytes = 1024 * 1024;

/** Where sockets read into: what has come is taken before another one reads, so that idle ones need no memory. */
let shared: { chunk: Buffer; whole: Buffer } | undefined;

/** Takes bytes that are there only until it returns: whoever keeps some copies them. */
export type TakeBytes = (bytes: Buffer) => void;

/** As of a socket; `highWaterMark` is 256 KiB unless it is given. */
export type WideOptions = Omit<SocketConstructorOpts, 'handle' | 'onread'> & { highWaterMark?: number };

/** A socket that reads in large pieces, and that `pause()` stops reading at once. */
export class WideSocket extends Socket {
  /** What the next read fills. */
  readonly #next: { room: Buffer };
  #take: TakeBytes | undefined;

  constructor(options: WideOptions = {}) {
    const own: { socket?: WideSocket; room: Buffer } = { room: sharedRoom().chunk };
    super({
      ...{ highWaterMark: streamBufferBytes, ...options },
      onread: {
        buffer: () => own.room,
        callback: (bytes, buffer) => {
          const { socket } = own;
          return socket === undefined || socket.#came(Buffer.from(buffer.buffer, buffer.byteOffset, bytes));
        },
      },
    });
    own.socket = this;
    this.#next = own;
  }

  /**
   * Takes over an accepted connection, of which nothing has been read yet: its server must be made with `pauseOnConnect`.
   * The server does not wait for it any more when it closes.
   */
  static adopt(accepted: Socket, options: WideOptions = {}): WideSocket {
    // There is no public way to have a server's sockets read into a buffer of one's own.
    const handle: unknown = Reflect.get(accepted, '_handle');
    Reflect.set(accepted, '_handle', null);
    const withHandle: WideOptions & { handle: unknown } = { ...options, handle };
    const socket = new WideSocket(withHandle);
    accepted.destroy();
    return socket;
  }

  /** Number of the open descriptor; undefined once it is closed. */
  get descriptor(): number | undefined {
    const handle: unknown = Reflect.get(this, '_handle');
    const fd: unknown = typeof handle === 'object' && handle !== null ? Reflect.get(handle, 'fd') : undefined;
    return typeof fd === 'number' && fd >= 0 ? fd : undefined;
  }

  /** Gives everything that has come and will come to `take` instead of `data` events; the end is still an event. */
  takeBytes(take: TakeBytes): void {
    for (let chunk: Buffer | null = this.read(); chunk !== null; chunk = this.read()) take(chunk);
    this.#take = take;
    this.#next.room = sharedRoom().whole;
    this.resume();
  }

  #came(bytes: Buffer): boolean {
    if (this.#take !== undefined) {
      this.#take(bytes);
      return true;
    }
    // Bulk is read into memory of its own and goes on as it is; of what is short a copy costs less than that memory.
    const { chunk } = sharedRoom();
    const bulk = bytes.length >= chunkBytes / 2;
    const kept = bulk && this.#next.room !== chunk ? bytes : Buffer.from(bytes);
    this.#next.room = bulk ? Buffer.allocUnsafeSlow(chunkBytes) : chunk;
    return this.push(kept);
  }
}

/** Gives everything that comes on a stream to `take`. */
export function takeBytes(stream: Duplex, take: TakeBytes): void {
  if (stream instanceof WideSocket) stream.takeBytes(take);
  else stream.on('data', take);
}

function sharedRoom(): { chunk: Buffer; whole: Buffer } {
  if (shared === undefined) {
    const whole = Buffer.allocUnsafeSlow(takenBytes);
    shared = { whole, chunk: whole.subarray(0, chunkBytes) };
  }
  return shared;
}
