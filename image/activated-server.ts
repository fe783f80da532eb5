import { createServer, type Socket } from 'node:net';

export interface ActivatedServerOptions {
  /** Serves one connection to its end. */
  serve: (socket: Socket) => Promise<void>;
  /** How long nobody may speak to it before it ends, milliseconds. */
  idleMs: number;
  maxConnections: number;
}

/** The socket that systemd hands over: sd_listen_fds(3). */
const FIRST_DESCRIPTOR = 3;

/**
 * Serves the socket by which systemd has started this program, until nobody has spoken to it for a while. systemd keeps the
 * socket: who comes afterwards starts the program anew.
 */
export function serveUntilIdle({ serve, idleMs, maxConnections }: ActivatedServerOptions): void {
  let connections = 0;
  let idle: NodeJS.Timeout | undefined;
  const server = createServer((socket) => {
    connections += 1;
    clearTimeout(idle);
    void serve(socket).finally(() => {
      connections -= 1;
      if (connections === 0) endWhenIdle();
    });
  });
  const endWhenIdle = (): void => {
    idle = setTimeout(() => server.close(), idleMs);
  };
  server.maxConnections = maxConnections;
  server.listen({ fd: FIRST_DESCRIPTOR });
  endWhenIdle();
}
