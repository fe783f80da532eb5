import { createConnection } from 'node:net';
import { WebSocket } from 'ws';
import { defaultMaxBytes } from './channel.ts';
import { Peer, type PeerOptions } from './jsonrpc.ts';
import { socketOfUrl } from './unixsocket.ts';
import { channelOfWebSocket } from './websocket.ts';

/** Longest time for a connection to come up, in milliseconds. */
const handshakeTimeoutMs = 5_000;

/**
 * Connects to `ws+unix:///PATH` (as `urlOfSocket` writes it) or `ws://HOST:PORT`.
 * @param signal gives the attempt up; has no effect on the connection later
 * @throws what the network says, or the signal's reason
 */
export async function dial(url: string, signal: AbortSignal, options: PeerOptions = {}): Promise<Peer> {
  signal.throwIfAborted();
  const path = socketOfUrl(url);
  const webSocketOptions = {
    perMessageDeflate: false,
    maxPayload: options.maxBytes ?? defaultMaxBytes,
    handshakeTimeout: handshakeTimeoutMs,
  };
  const socket =
    path === undefined
      ? new WebSocket(url, webSocketOptions)
      : new WebSocket('ws://localhost/', {
          ...webSocketOptions,
          createConnection: () => createConnection(path),
        });
  const { promise, resolve, reject } = Promise.withResolvers<Peer>();
  const abort = () => {
    reject(signal.reason);
    socket.terminate();
  };
  signal.addEventListener('abort', abort, { once: true });
  socket.once('error', reject);
  socket.once('open', () => {
    // The channel listens for errors before this listener goes.
    const peer = new Peer(channelOfWebSocket(socket), options);
    socket.off('error', reject);
    resolve(peer);
  });
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
