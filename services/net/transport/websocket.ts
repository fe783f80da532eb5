import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import { createAcceptor, listenOnTcp } from '../../signal/accept.ts';
import { formatAddress, parseAddress } from '../address.ts';
import { dialWithin, explain, type Transport } from './transport.ts';
import { maxMessageBytes, WebSocketStream } from './websocket-stream.ts';

/** Longest time for a request to become a WebSocket, in milliseconds. */
const upgradeTimeoutMs = 10_000;
/** Requests that may be under way at the same time; of too many the oldest goes. */
export const maxUpgrading = 64;

/** For networks that let only the web through. Four to five times slower than TCP. */
export const webSocket: Transport = {
  scheme: 'ws',

  async dial(address, options = {}) {
    options.signal?.throwIfAborted();
    const socket = new WebSocket(`ws://${formatAddress(parseAddress(address))}/`, {
      perMessageDeflate: false,
      maxPayload: maxMessageBytes,
    });
    const opened = Promise.withResolvers<WebSocketStream>();
    // For good: `ws` tells an error of an attempt that was given up, too. The stream has a listener of its own.
    socket.on('error', (cause) => opened.reject(explain(address, 'dial', cause)));
    socket.once('open', () => opened.resolve(new WebSocketStream(socket)));
    return await dialWithin(address, options, opened.promise, () => socket.terminate());
  },

  async listen(address, onConnection) {
    const { host, port } = parseAddress(address);
    /** Each with its deadline, the oldest first. */
    const upgrading = new Map<Socket, NodeJS.Timeout>();
    const upgraded = (socket: Socket) => {
      clearTimeout(upgrading.get(socket));
      upgrading.delete(socket);
    };
    const server = createAcceptor({
      maxBytes: maxMessageBytes,
      onConnection(socket) {
        upgrading.set(
          socket.setNoDelay(),
          setTimeout(() => socket.destroy(), upgradeTimeoutMs),
        );
        socket.once('close', () => upgraded(socket));
        const [oldest] = upgrading.keys();
        if (oldest === undefined || upgrading.size <= maxUpgrading) return;
        upgraded(oldest);
        oldest.destroy();
      },
      onBrowser: (socket) => socket.destroy(),
      onWebSocket(accepted, socket) {
        upgraded(socket);
        onConnection(new WebSocketStream(accepted));
      },
    });
    try {
      await listenOnTcp(server, { host, port });
    } catch (cause) {
      throw explain(address, 'listen', cause);
    }
    // As in TCP: a connection that could not be taken.
    server.on('error', () => undefined);
    const listening = server.address();
    if (listening === null || typeof listening === 'string') throw explain(address, 'listen', 'no port');
    return {
      address: formatAddress({ host, port: listening.port }),
      async close() {
        server.close();
        for (const socket of upgrading.keys()) socket.destroy();
      },
    };
  },
};
