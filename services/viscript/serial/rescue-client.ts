import { stat } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { Peer } from '../../signal/jsonrpc.ts';
import { channelOfSocket } from '../../signal/lines.ts';
import { type LoginAnswer, rescueShapes } from './rescue-protocol.ts';

export interface RescueClientOptions {
  /** Socket of the process with rights. */
  socket: string;
  /** Is there where the board has a console passphrase; need not be readable. */
  passphraseFile: string;
  /** The line's name to the other end: `ttyS0`. */
  line: string;
}

/** Nobody answers who could look at a passphrase. */
export class NoRescue extends Error {
  override readonly name = 'NoRescue';
}

/** scrypt on an emulated board that shares its machine takes its time, and so does the start of the process. */
const ANSWER_MS = 180_000;

/** What the console may ask for of the one process that has rights: rescue-protocol.ts. A connection for each question. */
export class RescueClient {
  readonly #o: RescueClientOptions;

  constructor(options: RescueClientOptions) {
    this.#o = options;
  }

  /** Whether the console asks for a passphrase. When that cannot be told, it does. */
  async isLocked(): Promise<boolean> {
    try {
      await stat(this.#o.passphraseFile);
      return true;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code !== 'ENOENT';
    }
  }

  /** Milliseconds until a passphrase is looked at. @throws {NoRescue} */
  async wait(): Promise<number> {
    const { line } = this.#o;
    const { waitMs } = await this.#ask((peer) => peer.call('rescue.wait', { line }, rescueShapes.wait));
    return waitMs;
  }

  /** @throws {NoRescue} @throws {RpcError} when no passphrase can be looked at */
  login(passphrase: string): Promise<LoginAnswer> {
    const { line } = this.#o;
    return this.#ask((peer) => peer.call('rescue.login', { line, passphrase }, rescueShapes.answer));
  }

  /** @throws {NoRescue} @throws {RpcError} when there is to be no shell */
  shell(passphrase: string | undefined): Promise<LoginAnswer> {
    const { line } = this.#o;
    const params = passphrase === undefined ? { line } : { line, passphrase };
    return this.#ask((peer) => peer.call('rescue.shell', params, rescueShapes.answer));
  }

  /** Has the next start take the other slot. @returns its name @throws {NoRescue} @throws {RpcError} */
  async otherSlot(): Promise<string> {
    const { slot } = await this.#ask((peer) => peer.call('rescue.other-slot', {}, rescueShapes.slot));
    return slot;
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
    const { socket: path } = this.#o;
    return new Promise((resolve, reject) => {
      const socket = createConnection(path);
      socket.once('error', (cause) =>
        reject(new NoRescue(`nobody answers on ${path}: ${cause.message}`, { cause })),
      );
      socket.once('connect', () => {
        socket.removeAllListeners('error');
        resolve(new Peer(channelOfSocket(socket), { timeoutMs: ANSWER_MS }));
      });
    });
  }
}
