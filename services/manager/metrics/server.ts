import type { AddressInfo } from 'node:net';
import { formatAddress, parseAddress } from '../../net/address.ts';
import { listenOnTcp, stopListening } from '../../signal/accept.ts';

const { createServer } = process.getBuiltinModule('node:http');

/** Longest time for a request, in milliseconds. */
const requestTimeoutMs = 5_000;
const maxConnections = 16;

export interface MetricsServer {
  /** `HOST:PORT` with the port that it has. */
  readonly address: string;
  close(): Promise<void>;
}

/**
 * Serves a text for Prometheus under `/metrics`, to whoever reaches the address.
 *
 * @param address `HOST:PORT`
 * @param text asked for at each request
 * @throws when the address is in use or not this machine's
 */
export async function serveMetrics(address: string, text: () => string): Promise<MetricsServer> {
  const server = createServer(
    {
      requestTimeout: requestTimeoutMs,
      headersTimeout: requestTimeoutMs,
      connectionsCheckingInterval: 1_000,
    },
    (request, response) => {
      const isRight = request.url === '/metrics' && (request.method === 'GET' || request.method === 'HEAD');
      response.writeHead(isRight ? 200 : 404, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
      response.end(isRight ? text() : 'only /metrics is here\n');
    },
  );
  server.maxConnections = maxConnections;
  server.keepAliveTimeout = requestTimeoutMs;
  const { host, port } = parseAddress(address);
  await listenOnTcp(server, { host, port });
  return {
    address: formatAddress({ host, port: (server.address() as AddressInfo).port }),
    async close() {
      const closed = stopListening(server);
      server.closeAllConnections();
      await closed;
    },
  };
}
