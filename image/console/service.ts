import { existsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { isPassphrase, type PassphraseHash, parsePassphraseHash } from '../../services/net/passphrase.ts';
import { Peer, RpcError } from '../../services/signal/jsonrpc.ts';
import { channelOfSocket } from '../../services/signal/lines.ts';
import { nothing } from '../../services/signal/shape.ts';
import { type LoginAnswer, rescueShapes } from '../../services/viscript/serial/rescue-protocol.ts';
import type { Slot } from '../disk/state.ts';
import { isMissing } from '../files.ts';
import type { Tries } from './tries.ts';

export interface RescueServiceOptions {
  /** Holds the passphrase's hash; a board without it has no passphrase. */
  passphraseFile: string;
  /** Where this file is, a shell needs no passphrase on a board that has none. */
  developmentFile: string;
  tries: Tries;
  /** Has the next start take the other slot, once. */
  otherSlot: () => Slot;
  /** Hands the line to a shell. */
  shell: (line: string) => Promise<void>;
  log: (text: string) => void;
}

/** Longest message: a passphrase, escaped, and what is round it. */
const MAX_MESSAGE = 16 * 1024;
const MAX_HASH_FILE = 1024;
/** The answer to a request that a state of the board forbids. */
const REFUSED = -32_050;

/**
 * What has to be root for the console on a serial line: looks at passphrases, has the other slot started, and hands the
 * line to a shell. Passphrases are looked at one at a time, on whatever line they come.
 */
export class RescueService {
  readonly #o: RescueServiceOptions;
  #looking: Promise<unknown> = Promise.resolve();

  constructor(options: RescueServiceOptions) {
    this.#o = options;
  }

  /** Serves one connection to its end. */
  async serve(socket: Socket): Promise<void> {
    const { tries, otherSlot, shell, log } = this.#o;
    const peer = new Peer(channelOfSocket(socket, { maxBytes: MAX_MESSAGE }), {
      maxBytes: MAX_MESSAGE,
      maxPending: 4,
      closeOnInvalidParams: true,
    });
    peer.handle('rescue.wait', rescueShapes.line, ({ line }) => ({ waitMs: tries.waitMs(line) }));
    peer.handle('rescue.login', rescueShapes.login, ({ line, passphrase }) => this.#look(line, passphrase));
    peer.handle('rescue.other-slot', nothing, () => {
      const slot = otherSlot();
      log(`the next start is of slot ${slot}, once`);
      return { slot };
    });
    peer.handle('rescue.shell', rescueShapes.shell, async ({ line, passphrase }) => {
      const answer = await this.#mayHaveShell(line, passphrase);
      if (answer.verdict === 'right') {
        log(`a shell on ${line}`);
        await shell(line);
      }
      return answer;
    });
    await peer.closed;
  }

  async #mayHaveShell(line: string, passphrase: string | undefined): Promise<LoginAnswer> {
    const { passphraseFile, developmentFile } = this.#o;
    if (existsSync(passphraseFile)) return this.#look(line, passphrase ?? '');
    if (existsSync(developmentFile)) return { verdict: 'right', waitMs: 0 };
    throw refusal('this board has no console passphrase, and its image is not one for development: no shell');
  }

  #look(line: string, passphrase: string): Promise<LoginAnswer> {
    const looked = this.#looking.then(() => this.#lookNow(line, passphrase));
    // The next one waits for this one, whichever way it ended; the caller hears of a failure.
    this.#looking = looked.catch(() => undefined);
    return looked;
  }

  async #lookNow(line: string, passphrase: string): Promise<LoginAnswer> {
    const { tries, log, passphraseFile } = this.#o;
    const waitMs = tries.waitMs(line);
    if (waitMs > 0) return { verdict: 'wait', waitMs };
    const hash = await readHash(passphraseFile);
    await tries.begin(line);
    if (await isPassphrase(hash, passphrase)) {
      await tries.succeeded(line);
      log(`the right passphrase on ${line}`);
      return { verdict: 'right', waitMs: 0 };
    }
    const failures = await tries.failed(line);
    log(
      `a wrong passphrase on ${line}, the ${failures}. in a row; the next wait is ${tries.waitMs(line)} ms`,
    );
    return { verdict: 'wrong', waitMs: tries.waitMs(line) };
  }
}

async function readHash(file: string): Promise<PassphraseHash> {
  try {
    await using handle = await open(file);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAX_HASH_FILE), 0, MAX_HASH_FILE, 0);
    return parsePassphraseHash(buffer.toString('latin1', 0, bytesRead));
  } catch (cause) {
    if (isMissing(cause)) throw refusal('this board has no console passphrase any more');
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw refusal(`${file}: ${reason}; nobody is let in here until it is mended over SSH`, { cause });
  }
}

function refusal(message: string, options?: ErrorOptions): RpcError {
  return new RpcError(REFUSED, message, options);
}
