import { readFile } from 'node:fs/promises';
import { writeDurably } from '../../services/net/durable-file.ts';
import { integer, object, ShapeError, shape } from '../../services/signal/shape.ts';
import { isMissing } from '../files.ts';

/** The wait after the first wrong passphrase; each further one doubles it, up to the longest (milliseconds). */
const FIRST_WAIT = 1000;
const LONGEST_WAIT = 60_000;
/** Lines that are told apart; further ones share one wait, so that made-up names are no way round it. */
const MAX_LINES = 8;
const SHARED = 'others';

interface Tried {
  failures: number;
  /** Time of the clock until which nothing is looked at. */
  until: number;
}

/**
 * How often a wrong passphrase came on each line, and how long each has to wait. It is kept in a file, so that neither
 * unplugging a line nor the end of a process gives fresh tries; nobody is ever shut out for longer than a minute.
 */
export class Tries {
  readonly #file: string;
  readonly #clock: () => number;
  readonly #lines: Map<string, Tried>;

  private constructor(file: string, clock: () => number, lines: Map<string, Tried>) {
    this.#file = file;
    this.#clock = clock;
    this.#lines = lines;
  }

  /**
   * @param file in a folder that ends with the boot, as the clock does
   * @param clock milliseconds since the boot; no change of the date moves it
   */
  static async open(file: string, clock: () => number = sinceBoot): Promise<Tries> {
    return new Tries(file, clock, await read(file));
  }

  /** Milliseconds until a passphrase is looked at on this line. */
  waitMs(line: string): number {
    const { until = 0 } = this.#lines.get(this.#nameOf(line)) ?? {};
    return Math.max(0, Math.min(until - this.#clock(), LONGEST_WAIT));
  }

  /** Counts a try as failed. To be called before the passphrase is looked at: what ends us then gives nothing away. */
  async begin(line: string): Promise<void> {
    const name = this.#nameOf(line);
    const failures = Math.min((this.#lines.get(name)?.failures ?? 0) + 1, MOST_FAILURES);
    this.#lines.set(name, { failures, until: this.#clock() + waitAfter(failures) });
    await this.#write();
  }

  /** The passphrase was wrong: the wait begins. */
  async failed(line: string): Promise<number> {
    const name = this.#nameOf(line);
    const failures = this.#lines.get(name)?.failures ?? 1;
    this.#lines.set(name, { failures, until: this.#clock() + waitAfter(failures) });
    await this.#write();
    return failures;
  }

  /** The passphrase was right: the line begins anew. */
  async succeeded(line: string): Promise<void> {
    this.#lines.delete(this.#nameOf(line));
    await this.#write();
  }

  #nameOf(line: string): string {
    return this.#lines.has(line) || this.#lines.size < MAX_LINES ? line : SHARED;
  }

  async #write(): Promise<void> {
    await writeDurably(this.#file, `${JSON.stringify(Object.fromEntries(this.#lines))}\n`, 0o600);
  }
}

/** From here on the wait is the longest one. */
const MOST_FAILURES = Math.ceil(Math.log2(LONGEST_WAIT / FIRST_WAIT)) + 1;

function waitAfter(failures: number): number {
  return Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** (failures - 1));
}

/** Linux's CLOCK_MONOTONIC, the same for all processes. */
function sinceBoot(): number {
  return Number(process.hrtime.bigint() / 1_000_000n);
}

async function read(file: string): Promise<Map<string, Tried>> {
  try {
    const fields: unknown = JSON.parse(await readFile(file, 'utf8'));
    return new Map(Object.keys(fields ?? {}).map((line) => [line, triedOf(fields, line)]));
  } catch (error) {
    // A file that is damaged is as good as none: it must not shut everybody out, and none but root can damage it.
    if (isMissing(error) || error instanceof SyntaxError || error instanceof ShapeError) return new Map();
    throw error;
  }
}

function triedOf(fields: unknown, line: string): Tried {
  return shape((f) => {
    const tried = object(f, line);
    return { failures: integer(tried, 'failures', 0), until: integer(tried, 'until', 0) };
  }).parse(fields);
}
