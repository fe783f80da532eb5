import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Address, formatAddress } from '../net/address.ts';
import { listenOnTcp, stopListening } from '../signal/accept.ts';
import { listenOnUnixSocket } from '../signal/unixsocket.ts';

// An import of node:http would evaluate all its exports, the browser's WebSocket among them: 13 MB of memory.
const { createServer } = process.getBuiltinModule('node:http');

/** Longest time for the head of a request, in milliseconds. */
const requestTimeoutMs = 5_000;
/** Longest life of a connection, in milliseconds: who reads an answer more slowly than this is cut off. */
const connectionTimeoutMs = 10_000;
const maxHeaderBytes = 8_192;
const maxConnections = 16;

/** Where to serve: an address, or the path of a Unix socket and the mode of its file. */
export type MetricsPlace = Address | { path: string; mode: number };

export interface MetricsServer {
  /** `HOST:PORT` with the port that it has, or the path of the Unix socket. */
  readonly address: string;
  close(): Promise<void>;
}

/**
 * Serves a text for Prometheus under `/metrics`, to whoever reaches the place. Each connection is for one answer and
 * lives for ten seconds at most; those who ask at the same time get the same text.
 *
 * @param text asked for at each request; when it fails the answer is status 500 and `onError` is told why
 * @throws when the place is in use or cannot be listened on
 */
export async function serveMetrics(
  place: MetricsPlace,
  text: () => string | Promise<string>,
  onError: (error: Error) => void,
): Promise<MetricsServer> {
  const shared = sharedAmongCallers(async () => text());
  const server = createServer(
    {
      requestTimeout: requestTimeoutMs,
      headersTimeout: requestTimeoutMs,
      connectionsCheckingInterval: 1_000,
      maxHeaderSize: maxHeaderBytes,
    },
    (request, response) => void answer(request, response, shared, onError),
  );
  server.maxConnections = maxConnections;
  server.on('connection', (socket) => {
    const timer = setTimeout(() => socket.destroy(), connectionTimeoutMs);
    socket.once('close', () => clearTimeout(timer));
  });
  if ('path' in place) await listenOnUnixSocket(server, place.path, place.mode);
  else await listenOnTcp(server, place);
  return {
    address: 'path' in place ? place.path : addressOf(server, place),
    async close() {
      const closed = stopListening(server);
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  text: () => Promise<string>,
  onError: (error: Error) => void,
): Promise<void> {
  const isRight = request.url === '/metrics' && (request.method === 'GET' || request.method === 'HEAD');
  const end = (status: number, body: string) =>
    response
      .writeHead(status, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8', connection: 'close' })
      .end(body);
  if (!isRight) {
    end(404, 'only /metrics is here\n');
    return;
  }
  try {
    end(200, await text());
  } catch (error) {
    onError(error instanceof Error ? error : new Error(String(error)));
    end(500, 'the figures could not be read\n');
  }
}

/** Nobody can make us measure more often by asking more often. */
function sharedAmongCallers<T>(make: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  return () => {
    running ??= make().finally(() => {
      running = undefined;
    });
    return running;
  };
}

function addressOf(server: Server, { host }: Address): string {
  return formatAddress({ host, port: (server.address() as AddressInfo).port });
}
