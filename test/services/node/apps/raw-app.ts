import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { parseAddress } from '../../../../services/net/address.ts';

/** A connection to a node without manners: it says what it is told to. */
export class RawConnection {
  readonly socket: Socket;
  #held = '';

  static async open(node: string): Promise<RawConnection> {
    const where = node.includes('/') ? { path: node } : parseAddress(node);
    const socket = connect({ ...where, allowHalfOpen: true });
    onTestFinished(() => void socket.destroy());
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    return new RawConnection(socket);
  }

  private constructor(socket: Socket) {
    this.socket = socket.setEncoding('latin1');
  }

  say(line: object | string): void {
    this.socket.write(`${typeof line === 'string' ? line : JSON.stringify(line)}\n`);
  }

  /** The next line as JSON; undefined when the connection has ended. */
  async line(): Promise<Record<string, unknown> | undefined> {
    for (;;) {
      const end = this.#held.indexOf('\n');
      if (end !== -1) {
        const line = this.#held.slice(0, end);
        this.#held = this.#held.slice(end + 1);
        return JSON.parse(line);
      }
      if (!(await this.#more())) return undefined;
    }
  }

  /** Resolves with what has not been read when the connection ends. */
  async rest(): Promise<string> {
    while (await this.#more());
    return this.#held;
  }

  async #more(): Promise<boolean> {
    const { socket } = this;
    const chunk: string | null = socket.read();
    if (chunk !== null) {
      this.#held += chunk;
      return true;
    }
    if (socket.readableEnded || socket.destroyed) return false;
    const given = new AbortController();
    const wait = { signal: given.signal };
    await Promise.race(
      ['readable', 'end', 'close'].map((event) => once(socket, event, wait).catch(() => undefined)),
    );
    given.abort();
    return true;
  }
}

/** An app by hand: its connection, and the token that the node gave it. */
export async function registerRaw(
  node: string,
  name: string,
): Promise<{ app: RawConnection; token: string }> {
  const app = await RawConnection.open(node);
  app.say({ skywire: 1, want: 'app', name, type: 'raw', access: 'rack' });
  const answer = await app.line();
  return { app, token: String(answer?.token) };
}
