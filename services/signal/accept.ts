import type { IncomingMessage, Server } from 'node:http';
import type { Server as NetServer, Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';

// An import of node:http would evaluate all its exports, the browser's WebSocket among them: 13 MB of memory.
const { createServer } = process.getBuiltinModule('node:http');

export interface AcceptorOptions {
  /** Largest message received, in bytes. */
  maxBytes: number;
  /** A connection came up; nothing was read from it yet. */
  onConnection(socket: Socket): void;
  /** A page in a browser asked. It gets nothing; the socket is to be destroyed here. */
  onBrowser(socket: Socket): void;
  /** The handshake is done on a socket that `onConnection` has seen. */
  onWebSocket(webSocket: WebSocket, socket: Socket): void;
}

/** A server, not listening yet, that speaks WebSocket and nothing else. Its owner bounds and ends the connections. */
export function createAcceptor(options: AcceptorOptions): Server {
  const webSockets = new WebSocketServer({
    noServer: true,
    maxPayload: options.maxBytes,
    perMessageDeflate: false,
    clientTracking: false,
  });
  const server = createServer((_request, response) => {
    response.writeHead(426, { connection: 'close', upgrade: 'websocket' }).end('WebSocket only\n');
  });
  server.on('connection', options.onConnection);
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head) => {
    // Only a browser sends an origin, and any page of the web may try a loopback port.
    if (request.headers.origin !== undefined) options.onBrowser(socket);
    else
      webSockets.handleUpgrade(request, socket, head, (webSocket) => options.onWebSocket(webSocket, socket));
  });
  return server;
}

/** @throws when the address is in use or not this machine's */
export function listenOnTcp(
  server: NetServer,
  { host, port }: { host: string; port: number },
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Resolves when the last connection has ended, whose ending is the caller's. */
export function stopListening(server: NetServer): Promise<void> {
  return new Promise((resolve, reject) => {
    if (!server.listening) resolve();
    else server.close((error) => (error ? reject(error) : resolve()));
  });
}
