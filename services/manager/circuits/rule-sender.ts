import { nodeMethods } from '../../net/control/messages.ts';
import type { Rule } from '../../net/control/rules.ts';
import type { PublicKey } from '../../net/keys.ts';
import { RpcError } from '../../signal/jsonrpc.ts';
import type { PathName, RuleBook } from './rule-book.ts';

export interface RuleSenderOptions {
  isConnected(node: PublicKey): boolean;
  /** Asks a node; rejects also when it is not connected. */
  call(node: PublicKey, method: string, params: object): Promise<void>;
  /** How long a removal that failed waits to be tried again, milliseconds. Default 5,000. */
  retryMs?: number | undefined;
}

/** What is to be removed from one node. */
interface Removal {
  paths: Map<string, PathName>;
  timer: NodeJS.Timeout | undefined;
  /** Tells that it was tried. */
  tried: PromiseWithResolvers<void>;
}

/** Gives rules to nodes and takes them back, and keeps the book of it. */
export class RuleSender {
  readonly #book: RuleBook;
  readonly #options: RuleSenderOptions & { retryMs: number };
  readonly #removals = new Map<PublicKey, Removal>();

  constructor(book: RuleBook, options: RuleSenderOptions) {
    this.#book = book;
    this.#options = { ...options, retryMs: options.retryMs ?? 5_000 };
  }

  /**
   * All or none are taken.
   *
   * @throws {RpcError} what the node answered: none is there. Any other error: nobody knows
   */
  async add(node: PublicKey, rules: readonly Rule[]): Promise<void> {
    for (const rule of rules) this.#book.add(node, rule);
    try {
      await this.#options.call(node, nodeMethods.addRules, { rules });
    } catch (error) {
      if (error instanceof RpcError) for (const rule of rules) this.#book.delete(node, rule);
      throw error;
    }
  }

  /**
   * Takes paths back, from one node or from all that have a rule of them. What fails is tried again for as long as the
   * node is connected; one that is not tells what it has when it comes back.
   *
   * @returns resolves when it was tried once
   */
  async remove(paths: readonly PathName[], from?: PublicKey): Promise<void> {
    const tries = new Set<Promise<void>>();
    for (const path of paths)
      for (const node of from === undefined ? this.#book.holdersOf(path) : [from])
        tries.add(this.#plan(node, [path], 0));
    await Promise.all(tries);
  }

  /** A node is not connected any more. */
  giveUp(node: PublicKey): void {
    const removal = this.#removals.get(node);
    if (removal === undefined) return;
    this.#removals.delete(node);
    clearTimeout(removal.timer);
    removal.tried.resolve();
  }

  stop(): void {
    for (const node of [...this.#removals.keys()]) this.giveUp(node);
  }

  /** All that is to be removed in one turn goes in one message. */
  #plan(node: PublicKey, paths: readonly PathName[], delayMs: number): Promise<void> {
    if (!this.#options.isConnected(node)) return Promise.resolve();
    const removal: Removal = this.#removals.get(node) ?? {
      ...{ paths: new Map(), timer: undefined, tried: Promise.withResolvers<void>() },
    };
    this.#removals.set(node, removal);
    for (const { circuit, path } of paths) removal.paths.set(`${circuit}/${path}`, { circuit, path });
    if (removal.timer === undefined || delayMs === 0) {
      clearTimeout(removal.timer);
      removal.timer = setTimeout(() => void this.#flush(node, removal), delayMs);
    }
    return removal.tried.promise;
  }

  async #flush(node: PublicKey, { paths, tried }: Removal): Promise<void> {
    this.#removals.delete(node);
    const names = [...paths.values()];
    try {
      await this.#options.call(node, nodeMethods.removeRules, { paths: names });
      for (const name of names) this.#book.delete(node, name);
    } catch {
      // Why a node does not answer is told by its connection. All that matters here is that the rules may be there still.
      void this.#plan(node, names, this.#options.retryMs);
    }
    tried.resolve();
  }
}
