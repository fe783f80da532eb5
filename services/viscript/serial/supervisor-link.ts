import { EventEmitter } from 'node:events';
import { Backoff } from '../../signal/backoff.ts';
import { type ControlClient, NoSupervisor } from '../control/client.ts';
import { greeting } from '../control/greeting.ts';
import { SupervisorHost } from '../control/host.ts';
import type { TerminalHost } from '../terminal/terminal.ts';
import type { RescueMenu } from './menu.ts';

export interface SupervisorLinkOptions {
  /** Connects to the supervisor; rejects when there is none. */
  connect: () => Promise<ControlClient>;
  /** What lines go to while there is none. */
  menu: RescueMenu;
  /** How long a supervisor that starts at the same time may take before it counts as down. Default 0. */
  patienceMs?: number;
  color: boolean;
  columns: () => number;
}

/** How often a supervisor that is still starting is looked for. */
const LOOK_MS = 100;

/**
 * The supervisor as a host that is always there: connects, and connects again whenever it is lost; while it is down,
 * lines go to the few commands that help then. Emits `change` with what a person should read about it.
 */
export class SupervisorLink extends EventEmitter<{ change: [text: string] }> implements TerminalHost {
  readonly #o: SupervisorLinkOptions;
  readonly #backoff = new Backoff({ firstMs: 200, maxMs: 2000 });
  readonly #closing = new AbortController();
  readonly #known = Promise.withResolvers<void>();
  #up: { client: ControlClient; host: SupervisorHost } | undefined;
  #reason = '';
  #retry: (() => void) | undefined;
  #ended: Promise<void> = Promise.resolve();

  constructor(options: SupervisorLinkOptions) {
    super();
    this.#o = options;
  }

  /** Begins to connect. */
  start(): void {
    this.#ended = this.#keepConnected();
  }

  /** Resolves when it is known whether the supervisor is there. */
  get known(): Promise<void> {
    return this.#known.promise;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#up?.client.close();
    this.#retry?.();
    await this.#ended;
  }

  /** What to say to somebody who comes to the line: the greeting, or that the supervisor is down and why. */
  async welcome(): Promise<string> {
    const { client } = this.#up ?? {};
    if (client === undefined) return this.#downText();
    try {
      return greeting(await client.hello()).trimEnd();
    } catch (error) {
      // It has gone this moment, or hangs; the connection itself will tell.
      return `viscript does not answer: ${messageOf(error)}`;
    }
  }

  prompt(): string {
    return this.#up?.host.prompt() ?? 'viscript is down> ';
  }

  run(
    words: string[],
    out: (text: string) => Promise<void>,
    signal: AbortSignal,
    input: AsyncIterable<string>,
  ): Promise<number | 'quit'> {
    return this.#up?.host.run(words, out, signal, input) ?? this.#runMenu(words, out, signal, input);
  }

  async complete(words: string[], word: string): Promise<{ values: string[]; files?: boolean }> {
    if (this.#up !== undefined) return this.#up.host.complete(words, word);
    return { values: words.length === 0 ? this.#o.menu.names : [] };
  }

  async #keepConnected(): Promise<void> {
    let isFirst = true;
    const patientUntil = performance.now() + (this.#o.patienceMs ?? 0);
    while (!this.#closing.signal.aborted) {
      try {
        const client = await this.#open();
        if (!isFirst) this.emit('change', await this.welcome());
        this.#known.resolve();
        this.#reason = await client.closed;
      } catch (error) {
        this.#reason = reasonOf(error);
      }
      const wasUp = this.#up !== undefined;
      this.#up = undefined;
      if (isFirst && !wasUp && performance.now() < patientUntil) {
        await this.#pause(LOOK_MS);
        continue;
      }
      isFirst = false;
      this.#known.resolve();
      if (this.#closing.signal.aborted) return;
      if (wasUp) this.emit('change', await this.#downText());
      await this.#pause(this.#backoff.next());
    }
    this.#known.resolve();
  }

  async #open(): Promise<ControlClient> {
    const { connect, color, columns } = this.#o;
    const client = await connect();
    try {
      const { host } = await client.hello();
      this.#closing.signal.throwIfAborted();
      this.#up = { client, host: new SupervisorHost(client, { host, color, columns }) };
      this.#backoff.reset();
      return client;
    } catch (error) {
      client.close();
      throw error;
    }
  }

  async #downText(): Promise<string> {
    const { menu } = this.#o;
    return `viscript is down: ${this.#reason}\n${await menu.why()}\n${menu.help}`;
  }

  /** Waits, unless somebody has reason to try at once. */
  async #pause(milliseconds: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, milliseconds);
    this.#retry = resolve;
    await promise;
    clearTimeout(timer);
    this.#retry = undefined;
  }

  async #runMenu(
    words: string[],
    out: (text: string) => Promise<void>,
    signal: AbortSignal,
    input: AsyncIterable<string>,
  ): Promise<number | 'quit'> {
    const status = await this.#o.menu.run(words, out, signal, input);
    // It may have started the supervisor.
    this.#retry?.();
    return status;
  }
}

function reasonOf(error: unknown): string {
  // What failed says more here than the advice for people at a shell.
  if (error instanceof NoSupervisor && error.cause instanceof Error) return error.cause.message;
  return messageOf(error);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
