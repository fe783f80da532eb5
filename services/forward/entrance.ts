import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { carry } from '../mesh/carry.ts';
import type { MeshApp, Target } from '../mesh/index.ts';
import { abort } from '../mesh/splice.ts';
import { type Address, formatAddress } from '../net/address.ts';
import { sourceOf } from '../net/ip.ts';
import { WideSocket } from '../net/wide-socket.ts';
import { Shares } from '../program/shares.ts';

/** Most connections at a time: a node takes no more of all its apps. */
const maxConnections = 4_096;

/** Takes TCP connections and passes each on as a stream of its own. */
export class Entrance {
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  readonly #shares: Shares;

  /**
   * @param onProblem told when a connection could not be passed on
   * @param max connections at a time, of which those of one source get a share ({@link Shares})
   */
  constructor(mesh: MeshApp, target: Target, onProblem: (message: string) => void, max = maxConnections) {
    this.#shares = new Shares(max);
    const options = { allowHalfOpen: true, noDelay: true, pauseOnConnect: true };
    this.#server = createServer(options, (accepted) => {
      const socket = WideSocket.adopt(accepted, { allowHalfOpen: true });
      if (this.#admit(socket)) void pass(socket, mesh, target, onProblem);
      else {
        onProblem(`there are too many connections: one of ${socket.remoteAddress} was not taken`);
        socket.resetAndDestroy();
      }
    });
    // A connection that could not be taken for want of descriptors: its other end sees it end.
    this.#server.on('error', (error) => onProblem(error.message));
  }

  /** @returns where it listens. @throws when the address is in use or not this machine's */
  async listen({ host, port }: Address): Promise<string> {
    this.#server.listen(port, host);
    await once(this.#server, 'listening');
    return formatAddress({ host, port: (this.#server.address() as AddressInfo).port });
  }

  /** Ends every connection. */
  close(): void {
    this.#server.close();
    for (const socket of this.#open) socket.resetAndDestroy();
  }

  #admit(socket: Socket): boolean {
    const source = sourceOf(socket.remoteAddress ?? '');
    if (!this.#shares.take(source)) return false;
    this.#open.add(socket);
    socket.once('close', () => {
      this.#open.delete(socket);
      this.#shares.give(source);
    });
    return true;
  }
}

async function pass(
  socket: Socket,
  mesh: MeshApp,
  target: Target,
  onProblem: (message: string) => void,
): Promise<void> {
  const gone = new AbortController();
  const leave = () => gone.abort(new Error('the connection was closed'));
  // What breaks later is the business of the splice.
  socket.on('error', leave);
  try {
    const stream = await mesh.connect(target, { signal: gone.signal });
    await carry(socket, stream);
  } catch (error) {
    const reason = error instanceof Error ? error : new Error(String(error));
    abort(socket, reason);
    onProblem(reason.message);
  }
}
