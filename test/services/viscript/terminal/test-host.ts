import type { TerminalHost } from '../../../../services/viscript/terminal/terminal.ts';

/** A host with commands that behave in the ways that matter to a terminal. It notes every line it was given. */
export class TestHost implements TerminalHost {
  readonly ran: string[][] = [];
  promptText = '> ';
  /** Names that complete, and whether files do. */
  names = ['apps', 'apptracker', 'ping', 'my app'];
  #release: (() => void) | undefined;

  async run(
    words: string[],
    out: (text: string) => Promise<void>,
    signal: AbortSignal,
    input: AsyncIterable<string>,
  ): Promise<number | 'quit'> {
    this.ran.push(words);
    const [name, ...args] = words;
    switch (name) {
      case 'echo':
        await out(`${args.join(' ')}\n`);
        return 0;
      case 'print':
        await out(args.join(' '));
        return 0;
      case 'fail':
        throw new Error('it broke');
      case 'quit':
        return 'quit';
      case 'hold':
        return this.#hold(out, signal);
      case 'deaf':
        await out('deaf\n');
        return new Promise(() => undefined);
      case 'flood':
        for (let line = 0; !signal.aborted; line += 1) await out(`flood ${line}\n`);
        return 1;
      case 'ask':
        await out('name? ');
        for await (const line of input) {
          await out(`hello ${line}`);
          return 0;
        }
        await out('nobody\n');
        return 1;
      case 'cat':
        for await (const line of input) {
          await out(`got ${line}`);
          if (signal.aborted) break;
        }
        return 0;
      default:
        return 0;
    }
  }

  /** Ends the command `hold`. */
  release(): void {
    this.#release?.();
  }

  async complete(words: string[], word: string): Promise<{ values: string[]; files: boolean }> {
    if (words[0] === 'broken') throw new Error('nobody answers');
    if (words[0] === 'open') return { values: [], files: true };
    return { values: this.names.filter((name) => name.startsWith(word)), files: false };
  }

  prompt(): string {
    return this.promptText;
  }

  async #hold(out: (text: string) => Promise<void>, signal: AbortSignal): Promise<number> {
    await out('holding\n');
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#release = resolve;
    signal.addEventListener('abort', () => resolve(), { once: true });
    await promise;
    await out(signal.aborted ? 'cancelled\n' : 'released\n');
    return signal.aborted ? 1 : 0;
  }
}
