import { type Context, createContext, Script } from 'node:vm';
import { CommandFailed, UsageError } from './command.ts';

/** Longest pattern, in characters. */
const maxPattern = 1000;
/** Longest time in which nobody else is served, and longest time in all, milliseconds. */
const turnMs = 100;
const totalMs = 2000;
/** Lines that are matched in one turn. */
const turnLines = 200;
/** Without these a pattern stands for itself. */
const special = /[\\^$.*+?()[\]{}|]/;

/**
 * Lines that match a pattern: a regular expression of JavaScript. Some take longer than anybody lives; so it runs where a
 * clock ends it, a tenth of a second at a time.
 */
export class Grep {
  readonly #pattern: string;
  readonly #inner: { script: Script; context: Context } | undefined;
  #leftMs = totalMs;

  /** @throws {UsageError} when it is no pattern */
  constructor(pattern: string) {
    if (pattern.length > maxPattern)
      throw new UsageError(`logs: --grep takes at most ${maxPattern} characters`);
    this.#pattern = pattern;
    if (special.test(pattern)) this.#inner = compile(pattern);
  }

  /** @returns the lines that match, in their order @throws {CommandFailed} when that takes too long */
  async filter<Line extends { text: string }>(lines: readonly Line[]): Promise<Line[]> {
    const matching: Line[] = [];
    for (let at = 0; at < lines.length; at += turnLines) {
      const some = lines.slice(at, at + turnLines);
      const matches = this.#test(some.map(({ text }) => text));
      matching.push(...some.filter((_line, index) => matches[index]));
      if (at + turnLines < lines.length) await new Promise((resolve) => setImmediate(resolve));
    }
    return matching;
  }

  #test(texts: string[]): boolean[] {
    if (!this.#inner) return texts.map((text) => text.includes(this.#pattern));
    const { script, context } = this.#inner;
    context.texts = texts;
    const start = performance.now();
    try {
      const matches: boolean[] = script.runInContext(context, { timeout: Math.min(turnMs, this.#leftMs) });
      return matches;
    } catch (cause) {
      const message = `logs: --grep ${this.#pattern} takes too long; give a simpler pattern`;
      throw new CommandFailed(message, { cause });
    } finally {
      context.texts = [];
      this.#leftMs = Math.max(1, this.#leftMs - (performance.now() - start));
    }
  }
}

function compile(pattern: string): { script: Script; context: Context } {
  try {
    // Compiled here once for its error; in there it is compiled anew, where the clock ticks.
    new RegExp(pattern, 'u');
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new UsageError(`logs: --grep: ${error.message}`);
  }
  const script = new Script('pattern ??= new RegExp(source, "u"); texts.map((text) => pattern.test(text))');
  const context = createContext({ source: pattern, pattern: undefined, texts: [] });
  return { script, context };
}
