import { Socket } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import type { Mesh } from '../../scripts/lib/lab-mesh/mesh.ts';
import { Program } from '../../scripts/lib/lab-mesh/program.ts';
import { eventually } from '../../scripts/lib/lab-mesh/wait.ts';
import { dialNode } from '../../services/mesh/dial.ts';
import type { Transport } from '../../services/net/transport/transport.ts';

let doors = 0;

/**
 * Connections to an address as a host of the mesh sees it, for attacks that a test makes itself: socat in that host
 * passes on what comes on a Unix socket.
 */
export class Door {
  readonly #path: string;

  /** @param address `HOST:PORT` */
  static async open(mesh: Mesh, host: string, address: string): Promise<Door> {
    const path = join(mesh.folder, `door${++doors}`);
    new Program(mesh.host(host), `door of ${host}`, [
      ...['socat', '-t', '60', `UNIX-LISTEN:${path},fork,backlog=1024`, `TCP:${address},nodelay`],
    ]);
    const door = new Door(path);
    await eventually(`a door in ${host}`, async () => (await door.dial()).destroy());
    return door;
  }

  private constructor(path: string) {
    this.#path = path;
  }

  async dial(): Promise<Socket> {
    return await dialUnix(this.#path);
  }

  /** As the library dials; the address that it names does not matter. */
  get transport(): Transport {
    return {
      scheme: 'unix',
      dial: () => this.dial(),
      listen: () => Promise.reject(new Error('a door only leads in')),
    };
  }
}

/** A connection to a Unix socket that may break off at any time. */
export function dialUnix(path: string): Promise<Socket> {
  return dialNode(path, () => new Socket(), new AbortController().signal);
}

/** Resolves when the other end, or anybody, has ended the connection. */
export async function ended(stream: Duplex): Promise<void> {
  stream.resume();
  if (stream.closed) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  stream.once('close', resolve);
  await promise;
}
