import type { Duplex } from 'node:stream';
import { acceptNode, type MemberLists } from '../net/control/introduction.ts';
import type { Identity, PublicKey } from '../net/keys.ts';
import { Doorway } from '../net/session/doorway.ts';
import type { Session } from '../net/session/session.ts';
import type { Listener, Transport } from '../net/transport/transport.ts';

export interface DoorOptions {
  identity: Identity;
  /** Where to listen, `HOST:PORT` each. */
  addresses: readonly { transport: Transport; address: string }[];
  members: MemberLists;
  admits(key: PublicKey): boolean;
  /** Owns the stream from now on. */
  onSession(stream: Duplex, session: Session): void;
  /** Somebody was not let in. */
  onRefused(reason: string): void;
}

/** Takes connections, and lets those through that prove to be admitted, by a newer list that they bring if need be. */
export class Door {
  readonly #options: DoorOptions;
  readonly #listeners: Listener[] = [];
  readonly #doorway = new Doorway();
  readonly #end = new AbortController();

  constructor(options: DoorOptions) {
    this.#options = options;
  }

  /** `HOST:PORT` each, in the order of the options, with the ports that they have. */
  get addresses(): string[] {
    return this.#listeners.map(({ address }) => address);
  }

  /** @throws {TransportError} */
  async open(): Promise<void> {
    for (const { transport, address } of this.#options.addresses)
      this.#listeners.push(await transport.listen(address, (stream) => void this.#take(stream)));
  }

  /** Those that were let through stay. */
  async close(): Promise<void> {
    this.#end.abort(new Error('the manager stops'));
    await Promise.all(this.#listeners.map((listener) => listener.close()));
  }

  async #take(stream: Duplex): Promise<void> {
    const { identity, members, admits, onSession, onRefused } = this.#options;
    try {
      const { signal } = this.#end;
      const session = await acceptNode(this.#doorway, stream, { identity, members, admits, signal });
      onSession(stream, session);
    } catch (error) {
      onRefused(error instanceof Error ? error.message : String(error));
    }
  }
}
