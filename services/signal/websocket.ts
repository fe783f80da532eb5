import { WebSocket } from 'ws';
import { type Channel, closeCode, closeTimeoutMs, defaultMaxBuffered } from './channel.ts';

export interface WebSocketChannelOptions {
  /** Unsent bytes after which the other end counts as not reading and is cut off. Default 16 MiB. */
  maxBuffered?: number;
}

/** A close frame holds at most 125 bytes, two of them the code (RFC 6455, section 5.5). */
const maxReasonBytes = 123;

/**
 * A message a text frame. Size and UTF-8 are checked by `ws` itself (its `maxPayload`), before a message is built;
 * binary frames are refused.
 */
export function channelOfWebSocket(socket: WebSocket, options: WebSocketChannelOptions = {}): Channel {
  const { maxBuffered = defaultMaxBuffered } = options;
  const closed = Promise.withResolvers<string>();
  let lastSent = Promise.resolve();
  let reason: string | undefined;

  const close = (code: number, why: string): void => {
    if (reason !== undefined || socket.readyState === WebSocket.CLOSED) return;
    reason = why;
    const timer = setTimeout(() => socket.terminate(), closeTimeoutMs);
    socket.once('close', () => clearTimeout(timer));
    socket.close(code, truncate(why));
  };
  socket.once('error', (error) => {
    reason ??= error.message;
  });
  socket.once('close', (code, why) => {
    closed.resolve(reason ?? (why.toString() || `the other end closed the connection (${code})`));
  });
  if (socket.readyState === WebSocket.CLOSED) closed.resolve('the connection was closed');

  return {
    send(text) {
      if (socket.readyState !== WebSocket.OPEN) return;
      const sent = Promise.withResolvers<void>();
      // An error here is told again by the socket's own events.
      socket.send(text, () => sent.resolve());
      lastSent = sent.promise;
      if (socket.bufferedAmount <= maxBuffered) return;
      reason ??= `the other end does not read: ${socket.bufferedAmount} bytes wait`;
      socket.terminate();
    },
    close: (code = closeCode.normal, why = 'closed') => close(code, why),
    onMessage(callback) {
      socket.on('message', (data, binary) => {
        if (binary) close(unsupportedData, 'a message must be text');
        else callback(data.toString());
      });
    },
    onClose: (callback) => void closed.promise.then(callback),
    drained: () => Promise.race([lastSent, closed.promise.then(() => undefined)]),
  };
}

const unsupportedData = 1003;

function truncate(text: string): string {
  let cut = text.slice(0, maxReasonBytes);
  while (Buffer.byteLength(cut) > maxReasonBytes) cut = cut.slice(0, -1);
  return cut;
}
