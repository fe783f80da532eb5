import type { Socket } from 'node:net';
import { type Channel, closeTimeoutMs, defaultMaxBuffered, defaultMaxBytes } from './channel.ts';
import { encodeError, errorCode } from './codec.ts';

export interface LineOptions {
  /** Longest line received, in bytes. Default 1 MiB. */
  maxBytes?: number;
  /** Unsent bytes after which the other end counts as not reading and is cut off. Default 16 MiB. */
  maxBuffered?: number;
}

const newline = 0x0a;

/** Newline-delimited JSON on a stream socket: a message a line, UTF-8, empty lines ignored. */
export function channelOfSocket(socket: Socket, options: LineOptions = {}): Channel {
  const { maxBytes = defaultMaxBytes, maxBuffered = defaultMaxBuffered } = options;
  const closed = Promise.withResolvers<string>();
  const lines = new LineSplitter(maxBytes);
  let onMessage: (text: string) => void = () => undefined;
  let reason: string | undefined;

  const close = (why: string): void => {
    if (reason !== undefined || socket.destroyed) return;
    reason = why;
    const timer = setTimeout(() => socket.destroy(), closeTimeoutMs);
    socket.once('close', () => clearTimeout(timer));
    socket.destroySoon();
  };
  const refuse = (code: number, message: string): void => {
    socket.write(`${encodeError(null, { code, message })}\n`);
    close(message);
  };
  socket.on('data', (chunk) => {
    if (reason !== undefined) return;
    for (const line of lines.push(chunk)) {
      if (reason !== undefined) return;
      if (line === 'too long') refuse(errorCode.invalidRequest, `a line has more than ${maxBytes} bytes`);
      else if (line === 'not UTF-8') refuse(errorCode.parse, 'a line is not UTF-8');
      else onMessage(line.text);
    }
  });
  socket.once('error', (error) => {
    reason ??= error.message;
  });
  socket.once('end', () => {
    reason ??= 'the other end closed the connection';
  });
  socket.once('close', () => closed.resolve(reason ?? 'the connection was closed'));
  if (socket.destroyed) closed.resolve('the connection was closed');

  return {
    send(text) {
      if (reason !== undefined || socket.destroyed) return;
      socket.write(`${text}\n`);
      if (socket.writableLength <= maxBuffered) return;
      reason = `the other end does not read: ${socket.writableLength} bytes wait`;
      socket.destroy();
    },
    close: (_code, why = 'closed') => close(why),
    onMessage(callback) {
      onMessage = callback;
    },
    onClose: (callback) => void closed.promise.then(callback),
    async drained() {
      if (socket.destroyed || !socket.writableNeedDrain) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      socket.once('drain', resolve);
      await Promise.race([promise, closed.promise]);
      socket.off('drain', resolve);
    },
  };
}

type Line = { text: string } | 'too long' | 'not UTF-8';

/** Cuts chunks into lines; holds at most one line of `maxBytes`. */
class LineSplitter {
  readonly #maxBytes: number;
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });
  #parts: Buffer[] = [];
  #held = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  *push(chunk: Buffer): Generator<Line> {
    let start = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      const line = this.#take(chunk.subarray(start, end));
      start = end + 1;
      if (line !== undefined) yield line;
    }
    this.#parts.push(chunk.subarray(start));
    this.#held += chunk.length - start;
    if (this.#held > this.#maxBytes) yield 'too long';
  }

  #take(rest: Buffer): Line | undefined {
    const bytes = this.#held === 0 ? rest : Buffer.concat([...this.#parts, rest]);
    this.#parts = [];
    this.#held = 0;
    if (bytes.length > this.#maxBytes) return 'too long';
    try {
      const text = this.#decoder.decode(bytes).trim();
      return text === '' ? undefined : { text };
    } catch {
      return 'not UTF-8';
    }
  }
}
