import { EventEmitter } from 'node:events';
import { Backoff } from '../../signal/backoff.ts';
import { type ControlClient, NoSupervisor } from '../control/client.ts';
import { greeting } from '../control/greeting.ts';
import { SupervisorHost } from '../control/host.ts';
import { exitStatus } from '../control/protocol.ts';
import type { TerminalHost } from '../terminal/terminal.ts';
import { lastWords, RESCUE_HELP, type RescueCommands, runCommand } from './rescue.ts';

export interface SupervisorLinkOptions {
  /** Connects to the supervisor; rejects when there is none. */
  connect: () => Promise<ControlClient>;
  rescue: RescueCommands;
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

  /** Begins to connect; resolves when it is known whether the supervisor is there. */
  start(): Promise<void> {
    this.#ended = this.#keepConnected();
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
    return this.#up?.host.run(words, out, signal, input) ?? this.#runRescue(words, out, signal);
  }

  async complete(words: string[], word: string): Promise<{ values: string[]; files?: boolean }> {
    if (this.#up !== undefined) return this.#up.host.complete(words, word);
    return { values: words.length === 0 ? ['restart', 'reboot', 'help'] : [] };
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
    const log = await lastWords(this.#o.rescue);
    return `viscript is down: ${this.#reason}\nThe end of its log:\n${log}\n${RESCUE_HELP}`;
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

  async #runRescue(
    words: string[],
    out: (text: string) => Promise<void>,
    signal: AbortSignal,
  ): Promise<number> {
    const { rescue } = this.#o;
    switch (words[0]) {
      case 'restart':
      case 'reboot': {
        const status = await runCommand(rescue[words[0]], out, signal);
        this.#retry?.();
        return status;
      }
      case 'help':
      case 'h':
      case '?':
        await out(`${RESCUE_HELP}\n`);
        return exitStatus.done;
      default:
        await out('viscript is not running. Only these work until it is back: restart, reboot, help\n');
        return exitStatus.noSupervisor;
    }
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
