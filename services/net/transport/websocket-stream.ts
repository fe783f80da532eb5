import { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import { streamBufferBytes } from './transport.ts';

/** Largest message, in bytes; longer writes go out as several. */
export const maxMessageBytes = 256 * 1024;

type Done = (error?: Error | null) => void;

/** The bytes of a WebSocket's binary messages, however they are cut. */
export class WebSocketStream extends Duplex {
  readonly #socket: WebSocket;

  /** @param socket an open one, which belongs to this stream from now on */
  constructor(socket: WebSocket) {
    super({ allowHalfOpen: false, highWaterMark: streamBufferBytes });
    this.#socket = socket;
    socket.on('message', (data, binary) => {
      if (!binary) this.destroy(new Error('the other end sends a text, where there are only bytes'));
      else if (!this.push(data)) socket.pause();
    });
    socket.once('error', (error) => this.destroy(error));
    socket.once('close', (code) => {
      // Without a closing handshake something was cut off; bytes may be missing.
      if (code === abnormalClosure && !this.writableEnded) this.destroy(new Error('the connection was cut'));
      else this.push(null);
    });
  }

  override _read(): void {
    if (this.#socket.isPaused) this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#send([chunk], done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: Done): void {
    this.#send(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }

  /** `ws` gives the other end 30 s to read what is left and to close as well. */
  override _final(done: Done): void {
    if (this.#socket.readyState === WebSocket.CLOSED) {
      done();
      return;
    }
    this.#socket.once('close', () => done());
    // A paused socket would not hear the other end's answer.
    if (this.#socket.isPaused) this.#socket.resume();
    this.#socket.close();
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#socket.terminate();
    done(error);
  }

  #send(chunks: readonly Buffer[], done: Done): void {
    const messages = messagesOf(chunks);
    for (const message of messages.slice(0, -1)) this.#socket.send(message);
    this.#socket.send(messages.at(-1) ?? Buffer.alloc(0), (error) => done(error));
  }
}

/** No closing handshake took place (RFC 6455, section 7.1.5). */
const abnormalClosure = 1006;

/** A message costs much more than a copy: small chunks go together. */
function messagesOf(chunks: readonly Buffer[]): Buffer[] {
  const [first, ...others] = chunks;
  const bytes = first !== undefined && others.length === 0 ? first : Buffer.concat(chunks);
  const messages: Buffer[] = [];
  for (let start = 0; start < bytes.length; start += maxMessageBytes)
    messages.push(bytes.subarray(start, start + maxMessageBytes));
  return messages;
}
