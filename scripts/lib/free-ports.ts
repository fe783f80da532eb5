import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';

/**
 * Ports of 127.0.0.1 that nobody listens on, each another one. Whoever wants them listens on them soon: they are free,
 * not reserved.
 */
export async function freePorts(count: number): Promise<number[]> {
  const held: Server[] = [];
  try {
    // All at once, for the system may give a port out again as soon as it is free.
    for (let number = 0; number < count; number++) held.push(await hold(0));
    return held.map((server) => (server.address() as AddressInfo).port);
  } finally {
    await Promise.all(held.map(release));
  }
}

/** This port of 127.0.0.1 when nobody listens on it, else another one that is free. */
export async function portOrAnother(wanted: number): Promise<number> {
  try {
    await release(await hold(wanted));
    return wanted;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error;
    const [other = 0] = await freePorts(1);
    return other;
  }
}

async function hold(port: number): Promise<Server> {
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

async function release(server: Server): Promise<void> {
  server.close();
  await once(server, 'close');
}
