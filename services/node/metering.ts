import { readFile } from 'node:fs/promises';
import { KeptFile } from '../net/kept-file.ts';
import { type PublicKey, parsePublicKey } from '../net/keys.ts';
import { type Fields, fail, integer, list, shape, text } from '../signal/shape.ts';

/** Bytes of payload of one app here, with one other node. */
export interface Account {
  peer: PublicKey;
  app: string;
  sent: number;
  received: number;
}

/** Bytes that this node passed on from one neighbour to another. */
export interface Relayed {
  from: PublicKey;
  to: PublicKey;
  bytes: number;
}

/** Accounts of one node; each costs a hundred bytes. Apps that come when there are so many count together, as `other`. */
const maxAccounts = 10_000;
/** Pairs of neighbours that are told apart; when there would be more, the half that had the least becomes one sum. */
const maxPairs = 10_000;
const saveEveryMs = 10_000;
const fileVersion = 1;
const otherApps = 'other';

/** The counts of before cannot be read; the file is left as it is. */
export class MeteringUnreadable extends Error {
  override readonly name = 'MeteringUnreadable';
}

/**
 * Counts what this node delivers for its apps and what it passes on for others, at one place. Payload counts when it is sent for the
 * first time and when it arrives in its place: what is sent again, or was changed on its way, is not counted again.
 * The counts outlive the node: at most ten seconds of them are lost when the plug is pulled.
 */
export class Metering {
  readonly #file: string;
  readonly #accounts = new Map<string, Account>();
  readonly #relayed = new Map<string, Relayed>();
  #relayedElse = 0;
  readonly #kept: KeptFile;
  #changed = false;
  #timer: NodeJS.Timeout | undefined;

  /** @throws {MeteringUnreadable} when the file is there and cannot be read or understood */
  static async load(file: string, onProblem: (message: string) => void): Promise<Metering> {
    const metering = new Metering(file, onProblem);
    await metering.#read();
    metering.#timer = setInterval(() => void metering.save(), saveEveryMs);
    return metering;
  }

  private constructor(file: string, onProblem: (message: string) => void) {
    this.#file = file;
    this.#kept = new KeptFile({ file, what: 'the counts', content: () => this.#content(), onProblem });
  }

  get accounts(): Account[] {
    return [...this.#accounts.values()];
  }

  get relayed(): Relayed[] {
    return [...this.#relayed.values()];
  }

  /** Bytes passed on between pairs that are not told apart any more. */
  get relayedElse(): number {
    return this.#relayedElse;
  }

  /** The account of an app with a peer, to count on. */
  account(peer: PublicKey, app: string): Account {
    const full = this.#accounts.size >= maxAccounts && !this.#accounts.has(`${peer}/${app}`);
    const name = full ? otherApps : app;
    const key = `${peer}/${name}`;
    let account = this.#accounts.get(key);
    if (account === undefined) {
      account = { peer, app: name, sent: 0, received: 0 };
      this.#accounts.set(key, account);
    }
    return account;
  }

  count(peer: PublicKey, app: string, direction: 'sent' | 'received', bytes: number): void {
    this.account(peer, app)[direction] += bytes;
    this.#changed = true;
  }

  countRelayed(from: PublicKey, to: PublicKey, bytes: number): void {
    const key = `${from}/${to}`;
    const relayed = this.#relayed.get(key);
    if (relayed) relayed.bytes += bytes;
    else {
      if (this.#relayed.size >= maxPairs) this.#sumUpSmallPairs();
      this.#relayed.set(key, { from, to, bytes });
    }
    this.#changed = true;
  }

  /** Writes what has changed. Never rejects: what could not be written is written later. */
  save(): Promise<void> {
    return this.#changed || this.#kept.failing ? this.#kept.save() : this.#kept.settled();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all([this.save(), this.#kept.stop()]);
  }

  /** Half at once, so that neighbours who come and go without end cost little each. */
  #sumUpSmallPairs(): void {
    const bySize = [...this.#relayed].sort(([, one], [, other]) => other.bytes - one.bytes);
    for (const [key, { bytes }] of bySize.slice(maxPairs / 2)) {
      this.#relayedElse += bytes;
      this.#relayed.delete(key);
    }
  }

  #content(): string {
    this.#changed = false;
    const { accounts, relayed, relayedElse } = this;
    return `${JSON.stringify({ version: fileVersion, accounts, relayed, relayedElse })}\n`;
  }

  async #read(): Promise<void> {
    try {
      const { accounts, relayed, relayedElse } = fileShape.parse(
        JSON.parse(await readFile(this.#file, 'utf8')),
      );
      for (const account of accounts) this.#accounts.set(`${account.peer}/${account.app}`, account);
      for (const each of relayed) this.#relayed.set(`${each.from}/${each.to}`, each);
      this.#relayedElse = relayedElse;
      if (this.#relayed.size > maxPairs) this.#sumUpSmallPairs();
    } catch (cause) {
      if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return;
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new MeteringUnreadable(`${this.#file} holds no counts (${why}); move it away to begin anew`, {
        cause,
      });
    }
  }
}

const accountShape = shape(
  (fields): Account => ({
    ...{ peer: keyIn(fields, 'peer'), app: text(fields, 'app', 64) },
    ...{ sent: integer(fields, 'sent', 0), received: integer(fields, 'received', 0) },
  }),
);

const relayedShape = shape(
  (fields): Relayed => ({
    ...{ from: keyIn(fields, 'from'), to: keyIn(fields, 'to') },
    bytes: integer(fields, 'bytes', 0),
  }),
);

const fileShape = shape((fields) => ({
  version: fields.version === fileVersion ? fileVersion : fail('version', String(fileVersion)),
  accounts: list(fields, 'accounts').map(accountShape.parse),
  relayed: list(fields, 'relayed').map(relayedShape.parse),
  // Files of before it was counted have none.
  relayedElse: fields.relayedElse === undefined ? 0 : integer(fields, 'relayedElse', 0),
}));

function keyIn(fields: Fields, field: string): PublicKey {
  return parsePublicKey(text(fields, field, 64));
}
