import type { TerminalHost } from '../terminal/terminal.ts';
import type { ControlClient } from './client.ts';

export interface SupervisorHostOptions {
  host: string;
  color: boolean;
  /** Width of the terminal in columns; 0 where there is none. */
  columns: () => number;
}

/** Words that end the terminal and leave the supervisor running. */
const leaving = new Set(['exit', 'logout']);

/** The running supervisor as a terminal sees it: it runs the lines and knows the completions. */
export class SupervisorHost implements TerminalHost {
  readonly #client: ControlClient;
  readonly #options: SupervisorHostOptions;

  constructor(client: ControlClient, options: SupervisorHostOptions) {
    this.#client = client;
    this.#options = options;
  }

  async run(
    words: string[],
    out: (text: string) => Promise<void>,
    signal: AbortSignal,
    input: AsyncIterable<string>,
  ): Promise<number | 'quit'> {
    if (leaving.has(words[0] ?? '')) return 'quit';
    const { color, columns } = this.#options;
    return this.#client.run(
      { argv: words, json: false, columns: columns(), color, input },
      (_stream, text) => void out(text),
      signal,
    );
  }

  complete(words: string[], word: string): Promise<{ values: string[]; files: boolean }> {
    return this.#client.complete(words, word);
  }

  prompt(): string {
    return `viscript@${this.#options.host}> `;
  }
}
