import { createConnection } from 'node:net';
import { Peer } from '../../signal/jsonrpc.ts';
import { channelOfSocket } from '../../signal/lines.ts';
import {
  type Installed,
  type InstallParams,
  type Progress,
  type UpdateState,
  updateMethods,
  updateShapes,
} from './protocol.ts';

/** Nobody answers who could install an update: this machine is no board. */
export class NoUpdates extends Error {
  override readonly name = 'NoUpdates';
}

/** The process has to be started first, on an emulated board that shares its machine. */
const ANSWER_MS = 120_000;

/** What viscript may ask about updates: protocol.ts. A connection for each question. */
export class UpdateClient {
  readonly #socket: string;

  constructor(socket: string) {
    this.#socket = socket;
  }

  /**
   * Installs a bundle into the other slot.
   *
   * @param signal aborting it ends a download; an installation goes on
   * @throws {NoUpdates} @throws {RpcError} with the reason when it is not installed
   */
  async install(
    params: InstallParams,
    onProgress: (progress: Progress) => void,
    signal: AbortSignal,
  ): Promise<Installed> {
    return this.#ask((peer) => {
      peer.handle(updateMethods.progress, updateShapes.progress, onProgress);
      return peer.call(updateMethods.install, params, updateShapes.installed, { timeoutMs: null, signal });
    });
  }

  /** Has the next start take the other slot. @returns its name @throws {NoUpdates} @throws {RpcError} */
  async rollback(): Promise<string> {
    const { slot } = await this.#ask((peer) => peer.call(updateMethods.rollback, {}, updateShapes.slot));
    return slot;
  }

  /** @throws {NoUpdates} @throws {RpcError} */
  state(): Promise<UpdateState> {
    return this.#ask((peer) => peer.call(updateMethods.state, {}, updateShapes.state));
  }

  async #ask<T>(ask: (peer: Peer) => Promise<T>): Promise<T> {
    const peer = await this.#connect();
    try {
      return await ask(peer);
    } finally {
      peer.close('answered');
    }
  }

  #connect(): Promise<Peer> {
    return new Promise((resolve, reject) => {
      const socket = createConnection(this.#socket);
      socket.once('error', (cause) =>
        reject(
          new NoUpdates(
            `nobody answers on ${this.#socket}, so this is no board with updates: ${cause.message}`,
            {
              cause,
            },
          ),
        ),
      );
      socket.once('connect', () => {
        socket.removeAllListeners('error');
        resolve(new Peer(channelOfSocket(socket), { timeoutMs: ANSWER_MS }));
      });
    });
  }
}
